"""The loss of a language model's last layer in PyTorch and its libraries, for comparison.

    deno task bench linear_cross_entropy --dump inputs --save
    python tests/bench/linear_cross_entropy_peers.py inputs data/benchmarks/linear_cross_entropy.csv

Reads the inputs that the benchmark dumped, measures on the same numbers (CUDA events, median of
several rounds, peak memory above the inputs by PyTorch's allocator), prints a table and appends rows
to the CSV. Peers that are not installed, or that refuse f32, are named and left out.

`--bf16` also measures them in bfloat16. `--errors` measures precision instead of time: how far loss, dE
and dC are from f64 on a few rows, as `deno task bench linear_cross_entropy --errors` does (see
loss_errors.ts); the CSV is then linear_cross_entropy_errors.csv. `--only eager` names a part of the peers'
names; `--device cpu` checks the script anywhere, with no memory to tell. Other arguments are refused.
"""

import argparse
import datetime
import glob
import os
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("csv")
parser.add_argument("--bf16", action="store_true")
parser.add_argument("--errors", action="store_true")
parser.add_argument("--only", default="")
parser.add_argument("--device", default="cuda")
OPTIONS = parser.parse_args()
DEVICE = OPTIONS.device
CUDA = DEVICE == "cuda"


def peers():
    """Name, function of (e, c, targets) -> loss, and the types it is measured in."""
    both = ("f32", "bf16")

    def eager(e, c, t):
        return F.cross_entropy((e @ c.T).float(), t)

    # A graph for each shape and type: one for all shapes took 17 ms for 5 (bf16), 41 for 39 (f32).
    found = [
        ("torch eager", eager, both),
        ("torch compile", torch.compile(eager, dynamic=False), both),
    ]
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
        # Without options it is the same as eager; with them it goes through the rows in chunks.
        chunked = torch.nn.LinearCrossEntropyOptions()

        def torch_chunked(e, c, t):
            return F.linear_cross_entropy(e, c, t, options=chunked)

        found.append(("torch linear_cross_entropy", torch_chunked, both))
    else:
        print("left out: torch.nn.functional.linear_cross_entropy: not in", torch.__version__)
    return found


def versions(label):
    """Of PyTorch and of the peer's own package."""
    packages = {"apple": "cut_cross_entropy", "liger": "liger_kernel"}
    own = packages.get(label.split()[0])
    try:
        return f"torch {torch.__version__}" + (f" {own} {version(own)}" if own else "")
    except PackageNotFoundError:
        return f"torch {torch.__version__} {own}"


def wait():
    if CUDA:
        torch.cuda.synchronize()


def free():
    if CUDA:
        torch.cuda.empty_cache()


def milliseconds(once):
    """Of one call, on the device's clock where there is one."""
    if not CUDA:
        start = time.perf_counter()
        once()
        return 1000 * (time.perf_counter() - start)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    once()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


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
    wait()
    # A GPU that has idled takes some tenths of a second of work to raise its clock.
    start = time.perf_counter()
    while CUDA and time.perf_counter() - start < 0.3:
        once()
        wait()
    e.grad = c.grad = None
    before = peak = 0
    if CUDA:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    loss = float(once().detach())
    wait()
    if CUDA:
        peak = torch.cuda.max_memory_allocated() - before
    times = sorted(milliseconds(once) for _ in range(rounds))
    e.grad = c.grad = None
    pick = [times[round(q * (len(times) - 1))] for q in (0.2, 0.5, 0.8)]
    return pick, peak, loss


def eight_bits(x):
    """Rounded to what f32, bfloat16 and f16 all hold, so that every type has the same inputs."""
    return x.bfloat16().float().half().float()


def relative_error(x, truth):
    """|x - truth| / |truth| in the Euclidean norm."""
    return float((x.double() - truth).norm() / truth.norm())


def errors(found, host_e, host_c, targets, half_too, count=64):
    """Name and type of each peer with the errors of loss, dE and dC, on `count` rows."""
    n = host_e.shape[0]
    count = min(count, n)
    rows = torch.arange(count) * n // count
    e = eight_bits(host_e[rows]).to(DEVICE)
    c = eight_bits(host_c).to(DEVICE)
    t = targets[rows.to(DEVICE)]
    true_e, true_c = e.double().requires_grad_(), c.double().requires_grad_()
    truth = F.cross_entropy(true_e @ true_c.T, t)
    truth.backward()
    for name, function, types in found:
        for dtype in types:
            if dtype == "bf16" and not half_too:
                continue
            kind_of = torch.bfloat16 if dtype == "bf16" else torch.float32
            own_e = e.to(kind_of, copy=True).requires_grad_()
            own_c = c.to(kind_of, copy=True).requires_grad_()
            label = name if dtype == "f32" else f"{name} bf16"
            try:
                loss = function(own_e, own_c, t)
                loss.backward()
            except Exception as error:
                print(f"{label}: {type(error).__name__}: {str(error)[:90]}")
                continue
            yield label, count, [
                relative_error(loss.detach(), truth.detach()),
                relative_error(own_e.grad, true_e.grad),
                relative_error(own_c.grad, true_c.grad),
            ]


def main():
    folder, csv, half_too, rounds = OPTIONS.folder, OPTIONS.csv, OPTIONS.bf16, 7
    torch.set_float32_matmul_precision("highest")
    adapter = torch.cuda.get_device_name() if CUDA else "CPU"
    driver = "CUDA" if CUDA else "CPU"
    found = [peer for peer in peers() if OPTIONS.only in peer[0]]
    date = datetime.date.today().isoformat()
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "*.e.f32"))):
        kind, n, v, d = os.path.basename(path)[: -len(".e.f32")].split("_")
        n, v, d = int(n), int(v), int(d)
        stem = path[: -len(".e.f32")]
        host_e = torch.from_numpy(np.fromfile(stem + ".e.f32", np.float32).reshape(n, d))
        host_c = torch.from_numpy(np.fromfile(stem + ".c.f32", np.float32).reshape(v, d))
        targets = torch.from_numpy(np.fromfile(stem + ".targets.i32", np.int32)).long().to(DEVICE)
        if OPTIONS.errors:
            for label, count, distances in errors(found, host_e, host_c, targets, half_too):
                text = [f"{x:.3e}" for x in distances]
                made_by = versions(label)
                rows.append([label, "", kind, count, v, d, adapter, driver, made_by, *text, date])
                print(
                    f"{label:28} {kind:8} rows={count} V={v} D={d} "
                    f"error of loss {text[0]} dE {text[1]} dC {text[2]}",
                    flush=True,
                )
            continue
        for name, function, types in found:
            torch.compiler.reset()
            for dtype in types:
                if dtype == "bf16" and not half_too:
                    continue
                kind_of = torch.bfloat16 if dtype == "bf16" else torch.float32
                e = host_e.to(DEVICE, kind_of, copy=True).requires_grad_()
                c = host_c.to(DEVICE, kind_of, copy=True).requires_grad_()
                for gradient in (False, True):
                    what = "loss+gradient" if gradient else "loss"
                    label = name if dtype == "f32" else f"{name} bf16"
                    try:
                        ms, peak, loss = measure(function, e, c, targets, gradient, rounds)
                    except Exception as error:
                        print(f"{label}, {what}: {type(error).__name__}: {str(error)[:90]}")
                        free()
                        continue
                    rows.append(
                        ["shape", label, "", kind, n, v, d, what, adapter, driver, versions(label)]
                        + [f"{x:.3f}" for x in ms]
                        + [peak, date]
                    )
                    print(
                        f"{label:28} {kind:8} N={n} V={v} D={d} {what:14}"
                        f"{ms[1]:10.3f} ms {peak / 2**20:9.1f} MiB loss {loss:.5f}",
                        flush=True,
                    )
                del e, c
                free()
    with open(csv, "a") as file:
        for row in rows:
            file.write(",".join(map(str, row)) + "\n")


main()
