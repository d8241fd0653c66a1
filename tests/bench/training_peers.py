"""Training steps of GPT-2 124M and BERT-base in PyTorch, the peers of training_bench.ts.

    pip install torch==2.11.0 transformers==5.17.0
    python tests/bench/training_peers.py [--batch 16] [--time 512] [--only bert] [--save]

Hugging Face's models in f32 without TF32, without dropout, random weights and tokens; a step is
forward, backward, clipping and fused AdamW; eager and with torch.compile. Milliseconds of a step,
tokens and samples a second, peak memory. `--device cpu --small` checks the script anywhere.
`--save` appends to data/benchmarks/training.csv.
"""
import argparse
import datetime
import os
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--time", type=int, default=512)
parser.add_argument("--rounds", type=int, default=20)
parser.add_argument("--only", default="")
parser.add_argument("--device", default="cuda")
parser.add_argument("--no-compile", action="store_true")
parser.add_argument("--small", action="store_true")
parser.add_argument("--save", action="store_true")
options = parser.parse_args()

torch.manual_seed(0)
torch.set_float32_matmul_precision("highest")
CUDA = options.device == "cuda"
MACHINE = torch.cuda.get_device_name() if CUDA else "CPU"
VERSIONS = f"torch {torch.__version__} transformers {transformers.__version__}"


def gpt2():
    size = dict(vocab_size=500, n_embd=64, n_head=2, n_layer=2) if options.small else {}
    config = GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **size)
    ids = torch.randint(0, config.vocab_size, (options.batch, options.time), device=options.device)
    return GPT2LMHeadModel(config), {"input_ids": ids, "labels": ids, "use_cache": False}


def bert():
    size = dict(vocab_size=500, hidden_size=64, num_attention_heads=2, num_hidden_layers=2) if options.small else {}
    config = BertConfig(num_labels=15, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **size)
    ids = torch.randint(0, config.vocab_size, (options.batch, options.time), device=options.device)
    labels = torch.randint(0, 15, (options.batch,), device=options.device)
    return BertForSequenceClassification(config), {"input_ids": ids, "labels": labels}


def wait():
    if CUDA:
        torch.cuda.synchronize()


def measure(make, compiled):
    model, inputs = make()
    model = model.to(options.device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=CUDA)
    run = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        run(**inputs).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for _ in range(4):
        step()
    wait()
    peak = 0
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
        step()
        wait()
        peak = torch.cuda.max_memory_allocated()
    times = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        step()
        wait()
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return [times[int(q * len(times))] for q in (0.2, 0.5, 0.8)], peak


rows = []
for name, make in (("GPT-2 124M", gpt2), ("BERT-base", bert)):
    if options.only.lower() not in name.lower():
        continue
    for way, compiled in (("eager", False), ("torch.compile", True)):
        if compiled and options.no_compile:
            continue
        (p20, p50, p80), peak = measure(make, compiled)
        tokens = 1000 * options.batch * options.time / p50
        print(f"{name} {way:13} B={options.batch} T={options.time}: {p50:.1f} ms, {tokens:.0f} tokens/s, "
              f"{1000 * options.batch / p50:.1f} samples/s, peak {peak / 2**30:.2f} GiB", flush=True)
        rows.append(f'"{name}, training step, PyTorch {way} [ms]","B={options.batch} T={options.time}","{MACHINE}",'
                    f"{VERSIONS},{p20:.4g},{p50:.4g},{p80:.4g},{peak},{datetime.date.today()}")
        if CUDA:
            torch.cuda.empty_cache()

if options.save:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/benchmarks/training.csv")
    with open(path, "a") as file:
        file.write("\n".join(rows) + "\n")
