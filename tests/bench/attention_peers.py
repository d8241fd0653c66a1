"""Attention and differential attention in PyTorch, the peers of attention_bench.ts.

    deno task bench attention --save
    pip install torch==2.11.0
    python tests/bench/attention_peers.py [--times 1024,2048,4096,8192] [--rounds 9] [--save]

f32 without TF32, causal, one sequence, the sizes of attention_bench.ts: the formula of differential
attention written out, the same by two calls of scaled_dot_product_attention (SDPA), and one call with
twice the heads of half the width, ordinary attention of equal width. CUDA events, median of rounds,
each of as many runs as take 10 ms, peak memory above the inputs by PyTorch's allocator. `--save` appends
to data/benchmarks/attention.csv; `--device cpu --times 64` checks the script anywhere.
"""
import argparse
import math
import os
import time

import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--times", default="1024,2048,4096,8192")
parser.add_argument("--rounds", type=int, default=9)
parser.add_argument("--device", default="cuda")
parser.add_argument("--save", action="store_true")
options = parser.parse_args()

torch.manual_seed(0)
torch.set_float32_matmul_precision("highest")
CUDA = options.device == "cuda"
GPU = torch.cuda.get_device_name() if CUDA else "CPU"
D, HEADS = 64, 8
ROUND_MS = 10  # a round repeats what is measured for at least so long


def formula(q1, k1, q2, k2, v, factor):
    hidden = torch.ones(q1.shape[2], q1.shape[2], dtype=torch.bool, device=q1.device).triu(1)

    def weights(q, k):
        scores = q @ k.transpose(-1, -2) / math.sqrt(D)
        return scores.masked_fill(hidden, -math.inf).softmax(-1)

    return (weights(q1, k1) - factor * weights(q2, k2)) @ v


def two_calls(q1, k1, q2, k2, v, factor):
    first = F.scaled_dot_product_attention(q1, k1, v, is_causal=True)
    return first - factor * F.scaled_dot_product_attention(q2, k2, v, is_causal=True)


def one_call(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def differential(t):
    narrow = [(1, HEADS, t, D)] * 4
    return narrow + [(1, HEADS, t, 2 * D), (1,)]


def ordinary(t):
    return [(1, 2 * HEADS, t, D)] * 3


WAYS = [
    ("PyTorch formula", formula, differential, HEADS),
    ("PyTorch two SDPA", two_calls, differential, HEADS),
    ("PyTorch SDPA", one_call, ordinary, 2 * HEADS),
]


def measure(run, shapes, backward):
    inputs = [torch.randn(shape, device=options.device, requires_grad=backward) for shape in shapes]
    upstream = torch.ones_like(inputs[-1 if len(inputs) == 3 else -2])

    def once():
        y = run(*inputs)
        if backward:
            y.backward(upstream)
            for x in inputs:
                x.grad = None

    def timed(repeats=1):
        if not CUDA:
            start = time.perf_counter()
            for _ in range(repeats):
                once()
            return 1000 * (time.perf_counter() - start) / repeats
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(repeats):
            once()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / repeats

    began = time.perf_counter()
    while time.perf_counter() - began < 0.2:  # until the clock is up
        timed()
    repeats = math.ceil(ROUND_MS / timed())
    times = sorted(timed(repeats) for _ in range(options.rounds))
    peak = 0
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        once()
        torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated() - before
    return times[len(times) // 2], peak / 2**20


rows = []
for t in map(int, options.times.split(",")):
    for name, run, shapes, heads in WAYS:
        for kind in ("forward", "forward+backward"):
            ms, peak = measure(run, shapes(t), kind != "forward")
            print(f"{name:24} {kind:17} T={t:<5} {ms:9.3f} ms  peak {peak:7.1f} MiB", flush=True)
            rows.append(f'{name},{kind},{t},{D},{heads},{ms:.4g},{peak:.1f},"{GPU}"')
            if CUDA:
                torch.cuda.empty_cache()

if options.save:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/benchmarks/attention.csv")
    with open(path, "a") as file:
        file.write("\n".join(rows) + "\n")
