"""The loss of a language model's last layer in PyTorch and its libraries, for comparison.

    deno task bench linear_cross_entropy --dump inputs --save
    python tests/bench/linear_cross_entropy_peers.py inputs data/benchmarks/linear_cross_entropy.csv

Reads the inputs that the benchmark dumped, measures on the same numbers (CUDA events, median of
several rounds, peak memory above the inputs by PyTorch's allocator), prints a table and appends rows
to the CSV. Peers that are not installed, or that refuse f32, are named and left out.
"""

import datetime
import glob
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F


def peers():
    """Name, function of (e, c, targets) -> loss, and the types it is measured in."""
    both = ("f32", "bf16")

    def eager(e, c, t):
        return F.cross_entropy((e @ c.T).float(), t)

    found = [("torch eager", eager, both), ("torch compile", torch.compile(eager), both)]
    try:
        from cut_cross_entropy import linear_cross_entropy

        found.append(("apple cce", lambda e, c, t: linear_cross_entropy(e, c, t), both))
        found.append(
            (
                "apple cce exact",
                lambda e, c, t: linear_cross_entropy(e, c, t, filter_eps=None),
                both,
            )
        )
    except ImportError as error:
        print("left out: cut_cross_entropy:", error)
    try:
        from liger_kernel.ops.fused_linear_cross_entropy import (
            LigerFusedLinearCrossEntropyFunction,
        )

        def liger(e, c, t):
            result = LigerFusedLinearCrossEntropyFunction.apply(e, c, t)
            return result[0] if isinstance(result, tuple) else result

        found.append(("liger", liger, both))
    except ImportError as error:
        print("left out: liger_kernel:", error)
    if hasattr(F, "linear_cross_entropy"):
        found.append(("torch linear_cross_entropy", F.linear_cross_entropy, both))
    else:
        print("left out: torch.nn.functional.linear_cross_entropy: not in", torch.__version__)
    return found


def measure(function, e, c, targets, gradient, rounds):
    """20th, 50th and 80th percentile in ms, peak bytes above the inputs, and the loss."""

    def once():
        if gradient:
            e.grad = c.grad = None
            loss = function(e, c, targets)
            loss.backward()
            return loss
        with torch.no_grad():
            return function(e, c, targets)

    once()
    torch.cuda.synchronize()
    e.grad = c.grad = None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    loss = float(once())
    torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() - before
    times = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        once()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    times.sort()
    e.grad = c.grad = None
    pick = [times[round(q * (len(times) - 1))] for q in (0.2, 0.5, 0.8)]
    return pick, peak, loss


def main():
    folder, csv = sys.argv[1], sys.argv[2]
    half_too = "--bf16" in sys.argv
    rounds = 7
    torch.set_float32_matmul_precision("highest")
    adapter = torch.cuda.get_device_name()
    date = datetime.date.today().isoformat()
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "*.e.f32"))):
        kind, n, v, d = os.path.basename(path)[: -len(".e.f32")].split("_")
        n, v, d = int(n), int(v), int(d)
        stem = path[: -len(".e.f32")]
        host_e = torch.from_numpy(np.fromfile(stem + ".e.f32", np.float32).reshape(n, d))
        host_c = torch.from_numpy(np.fromfile(stem + ".c.f32", np.float32).reshape(v, d))
        targets = torch.from_numpy(np.fromfile(stem + ".targets.i32", np.int32)).long().cuda()
        for name, function, types in peers():
            for dtype in types:
                if dtype == "bf16" and not half_too:
                    continue
                kind_of = torch.bfloat16 if dtype == "bf16" else torch.float32
                e = host_e.cuda().to(kind_of).requires_grad_()
                c = host_c.cuda().to(kind_of).requires_grad_()
                for gradient in (False, True):
                    what = "loss+gradient" if gradient else "loss"
                    label = name if dtype == "f32" else f"{name} bf16"
                    try:
                        ms, peak, loss = measure(function, e, c, targets, gradient, rounds)
                    except Exception as error:
                        print(f"{label}, {what}: {type(error).__name__}: {str(error)[:90]}")
                        torch.cuda.empty_cache()
                        continue
                    versions = f"torch {torch.__version__}"
                    rows.append(
                        ["shape", label, "", kind, n, v, d, what, adapter, "CUDA", versions]
                        + [f"{x:.3f}" for x in ms]
                        + [peak, date]
                    )
                    print(
                        f"{label:28} {kind:8} N={n} V={v} D={d} {what:14}"
                        f"{ms[1]:10.3f} ms {peak / 2**20:9.1f} MiB loss {loss:.5f}",
                        flush=True,
                    )
                del e, c
                torch.cuda.empty_cache()
    with open(csv, "a") as file:
        for row in rows:
            file.write(",".join(map(str, row)) + "\n")


main()
