import { assert, assertEquals, assertThrows } from "@std/assert";
import { cutForward, cutForwardBytes } from "../../kernels/cut_forward.ts";
import { defineKernel } from "../../kernels/kernel.ts";
import { workgroupBytes } from "../../lib/gpu/workgroup_memory.ts";
import { DEEP_TILE } from "../../lib/gpu/tiles.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

Deno.test("workgroup memory is counted as WGSL lays it out", () => {
  const bytes = (declarations: string) => workgroupBytes(`${declarations}\nfn main() {}`);
  assertEquals(bytes(""), 0);
  assertEquals(bytes("var<workgroup> x: array<f32, 10>;"), 40);
  assertEquals(
    bytes("var<workgroup> x: array<array<vec4<f32>, 33>, 16>; // var<workgroup> y: u32;"),
    8448,
  );
  assertEquals(bytes("var<workgroup> x: array<vec3f, 4>;"), 64);
  assertEquals(bytes("var<workgroup> x: array<vec4h, 4>;"), 32);
  assertEquals(bytes("var<workgroup> x: u32; var<workgroup> y: array<atomic<u32>, 3>;"), 28);
  assertEquals(
    bytes(
      "struct S { a: u32, rows: array<array<vec4f, 5>, 4>, b: f32 }\nvar<workgroup> x: array<S, 2>;",
    ),
    2 * (16 + 320 + 16),
  );
});

Deno.test("what the forward tile takes is what its kernel declares", () => {
  for (const sumLogits of [true, false]) {
    const { code } = cutForward({
      tile: DEEP_TILE,
      vector: true,
      wholeSteps: true,
      bias: false,
      softcap: false,
      keep: true,
      sumLogits,
    });
    const declared = workgroupBytes(code), stated = cutForwardBytes(DEEP_TILE);
    if (sumLogits) assertEquals(declared, stated);
    else assert(declared < stated);
  }
});

Deno.test("a kernel that takes more workgroup memory than the device has is refused by name", async () => {
  using gpu = await Gpu.open();
  const most = gpu.limits.maxComputeWorkgroupStorageSize;
  const greedy = defineKernel("greedy", (bytes: number) => ({
    bindings: { y: "write array<u32>" },
    workgroup: [1, 1, 1],
    code: `var<workgroup> much: array<u32, ${bytes / 4}>;
      @compute @workgroup_size(1) fn main() { much[y[0]] = 7u; y[0] = much[y[0]]; }`,
  }));
  using y = gpu.zeros([4]);
  gpu.run(greedy(most), { y }, {}, [1]);
  await gpu.sync();
  assertThrows(
    () => gpu.run(greedy(most + 16), { y }, {}, [1]),
    Error,
    'Kernel "greedy" declares',
  );
});
