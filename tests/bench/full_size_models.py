"""Full-size models of random weights, and what Hugging Face's library makes of ours.

    pip install torch==2.11.0 transformers==5.17.0
    python tests/bench/full_size_models.py make FOLDER [--tiny] [--only bert]
    python tests/bench/full_size_models.py check FOLDER [--only bert]

`make` writes models of random weights by `save_pretrained`: GPT-2 medium, and BERT-base and DistilBERT
with a head of 15 classes; `--tiny` writes small ones of the same make. `check` loads what
full_size_models_bench.ts saved beside them (NAME-trained), computes the logits of its sample in f32 and
writes the largest difference from its logits to FOLDER/checked.json. full_size_models_bench.ts calls both.
"""

import argparse
import json
import os

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

CLASSES = 15
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def gpt2_medium(tiny):
    size = dict(n_embd=64, n_head=2, n_layer=2, vocab_size=2000) if tiny else dict(n_embd=1024, n_head=16, n_layer=24)
    return GPT2LMHeadModel(GPT2Config(**size))


def bert_base(tiny):
    size = (
        dict(hidden_size=64, num_attention_heads=2, num_hidden_layers=2, intermediate_size=256, vocab_size=2000)
        if tiny
        else {}
    )
    return BertForSequenceClassification(BertConfig(num_labels=CLASSES, **size))


def distilbert(tiny):
    size = dict(dim=64, n_heads=2, n_layers=2, hidden_dim=256, vocab_size=2000) if tiny else {}
    return DistilBertForSequenceClassification(DistilBertConfig(num_labels=CLASSES, **size))


MODELS = {
    "gpt2-medium": (gpt2_medium, AutoModelForCausalLM),
    "bert-base": (bert_base, AutoModelForSequenceClassification),
    "distilbert": (distilbert, AutoModelForSequenceClassification),
}


def make(name, folder, tiny):
    torch.manual_seed(0)
    with torch.device(DEVICE):
        model = MODELS[name][0](tiny)
    model.cpu().save_pretrained(os.path.join(folder, name))
    print(f"{name}: {sum(p.numel() for p in model.parameters()):,} random weights", flush=True)


def check(name, folder):
    path = os.path.join(folder, f"{name}-trained")
    model, info = MODELS[name][1].from_pretrained(path, output_loading_info=True)
    # The output matrix of GPT-2 is that of its embedding and stands in no file.
    faults = {key: sorted(map(str, found)) for key, found in info.items() if found}
    faults = {key: found for key, found in faults.items() if found != ["lm_head.weight"]}
    if faults:
        raise SystemExit(f"{name}: {faults}")
    with open(os.path.join(path, "sample.json")) as file:
        sample = json.load(file)
    ours = torch.from_numpy(np.fromfile(os.path.join(path, "sample_logits.f32"), np.float32))
    ids, mask = (torch.tensor(sample[key], device=DEVICE) for key in ("ids", "mask"))
    model = model.float().to(DEVICE).eval()
    with torch.no_grad():
        theirs = model(input_ids=ids, attention_mask=mask).logits.float().cpu()
    difference = float((theirs - ours.reshape(theirs.shape)).abs().max())
    print(f"{name}: loaded; logits differ by {difference:.2e}, the largest is {float(theirs.abs().max()):.3g}")
    return {"loaded_by": f"transformers {transformers.__version__}", "difference": difference}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "check"])
    parser.add_argument("folder")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_float32_matmul_precision("highest")
    names = [name for name in MODELS if options.only in name]
    if options.what == "make":
        for name in names:
            make(name, options.folder, options.tiny)
        return
    found = {name: check(name, options.folder) for name in names}
    with open(os.path.join(options.folder, "checked.json"), "w") as file:
        json.dump(found, file)


main()
