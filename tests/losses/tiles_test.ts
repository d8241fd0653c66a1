/** Tiles for devices that are not at hand: chosen by their limits. */
import { assert, assertEquals } from "@std/assert";
import { cutForward } from "../../kernels/cut_forward.ts";
import { cutGradient } from "../../kernels/cut_gradient.ts";
import { cutMeasure } from "../../kernels/cut_measure.ts";
import type { GpuDevice } from "../../lib/gpu/device.ts";
import { cutTile, gradientTile, halfGradientTile, halfTile } from "../../lib/gpu/tiles.ts";
import { workgroupBytes } from "../../lib/gpu/workgroup_memory.ts";

/** What tiles are chosen by, of a GPU with so much workgroup memory. */
function deviceWith(kibibytes: number): GpuDevice {
  return {
    adapter: { software: false },
    limits: {
      maxComputeWorkgroupStorageSize: kibibytes * 1024,
      maxComputeInvocationsPerWorkgroup: 256,
    },
  } as unknown as GpuDevice;
}

// 16 KiB is the least that WebGPU grants, 32 KiB what Apple's GPUs have, 48 KiB an NVIDIA H200.
for (const kibibytes of [16, 20, 32, 48, 64]) {
  Deno.test(`all kernels of the cut way fit into ${kibibytes} KiB of workgroup memory`, () => {
    const gpu = deviceWith(kibibytes);
    const common = { vector: true, wholeSteps: true, bias: true, softcap: true };
    for (const half of [false, true]) {
      for (const d of [768, 37]) {
        const tile = half ? halfTile(gpu) : cutTile(gpu, d);
        const backward = half ? halfGradientTile(gpu, tile) : gradientTile(gpu, tile);
        assertEquals(backward.n, tile.n);
        if (half) assertEquals(backward.k, tile.k, "logits of both passes are the same sums");
        const job = { ...common, tile: backward, half };
        const kernels = [
          cutForward({ ...common, tile, keep: true, sumLogits: false, half }),
          cutForward({ ...common, tile, keep: false, sumLogits: true, half }),
          cutMeasure(job),
          cutGradient({ ...job, dE: true, dC: true, dBias: true }),
        ];
        for (const { name, code, workgroup: [threads] } of kernels) {
          const bytes = workgroupBytes(code);
          assert(bytes <= kibibytes * 1024, `${name}${half ? " f16" : ""} takes ${bytes} bytes`);
          assert(threads <= 256, `${name} has ${threads} threads`);
        }
      }
    }
  });
}

Deno.test("filtered gradients take 64 rows a job where there are 48 KiB: 1.7 times as fast as 32", () => {
  const gpu = deviceWith(48);
  assertEquals(gradientTile(gpu, cutTile(gpu, 768)).m, 64);
  assertEquals(halfGradientTile(gpu, halfTile(gpu)).m, 64);
});
