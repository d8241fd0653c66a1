"""One measurement of a peer in a process of its own; the counterpart of tokenizers_ours.ts.

  python tokenizers_peers.py tokenizers|tiktoken train|encode|one-word TEXT TOKENIZER REPEATS
  python tokenizers_peers.py versions

Needs tokenizers==0.23.3 and tiktoken==0.14.0. Everything runs on one thread. `tokenizers` encodes
with `encode_batch_fast`, its quickest way, which computes no offsets.
"""

import json
import os
import re
import sys
import time
from importlib.metadata import version

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def peak_bytes():
    """Most memory this process has held, as Linux counts it; getrusage would include the parent."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
    except OSError:
        return 0


def train(documents, _file):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=8000, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    start = time.perf_counter()
    tokenizer.train_from_iterator(documents, trainer)
    return time.perf_counter() - start, tokenizer.get_vocab_size()


def encode_tokenizers(documents, file):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(file)
    start = time.perf_counter()
    encodings = tokenizer.encode_batch_fast(documents)
    return time.perf_counter() - start, sum(len(e) for e in encodings)


def encode_tiktoken(documents, file):
    import tiktoken
    from tokenizers.pre_tokenizers import ByteLevel

    with open(file, encoding="utf-8") as handle:
        vocab = json.load(handle)["model"]["vocab"]
    # The character that stands for a byte, found by asking: bytes 0x80 and up via two-byte letters.
    byte_of = {}
    for code in list(range(0x80)) + list(range(0x80, 0x110000, 0x3F)):
        if 0xD800 <= code < 0xE000:
            continue
        text = chr(code)
        shown = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)[0][0]
        byte_of.update(zip(shown, text.encode()))
    # Bytes that never occur in UTF-8 have the characters that are left over.
    rest = [b for b in range(256) if b not in byte_of.values()]
    byte_of.update(zip(sorted(t for t in vocab if len(t) == 1 and t not in byte_of), rest))
    ranks = {bytes(byte_of[c] for c in token): rank for token, rank in vocab.items()}
    encoding = tiktoken.Encoding("bench", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    start = time.perf_counter()
    tokens = [encoding.encode_ordinary(document) for document in documents]
    return time.perf_counter() - start, sum(map(len, tokens))


def main():
    if sys.argv[1] == "versions":
        names = ["tokenizers", "tiktoken"]
        print(", ".join(f"{name} {version(name)}" for name in names))
        return
    peer, task, text_file, tokenizer_file, repeats = sys.argv[1:]
    with open(text_file, encoding="utf-8") as handle:
        documents = json.load(handle)
    encode = encode_tiktoken if peer == "tiktoken" else encode_tokenizers
    results = [(train if task == "train" else encode)(documents, tokenizer_file)
               for _ in range(int(repeats))]
    print(json.dumps({"seconds": [seconds for seconds, _ in results], "tokens": results[-1][1],
                      "peakBytes": peak_bytes()}))


if __name__ == "__main__":
    main()
