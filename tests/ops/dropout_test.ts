import { Gpu } from "../../lib/tensor/gpu.ts";
import { PHILOX } from "../../kernels/philox.ts";
import { defineKernel, wgsl } from "../../kernels/kernel.ts";
import { dropout } from "../../lib/ops/mod.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";

const gpu = await Gpu.open();

const philoxKernel = defineKernel("philox_test", () => ({
  bindings: { input: "read array<vec4u>", y: "write array<vec4u>" },
  workgroup: [1, 1, 1],
  code: wgsl`
${PHILOX}
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
  y[group.x] = philox(input[2u * group.x], input[2u * group.x + 1u].xy);
}`,
}));

Deno.test("Philox gives the numbers that its authors publish", async () => {
  // Known answers of Random123's philox4x32 with 10 rounds: counter, key, result.
  const all = 0xffffffff;
  const inputs = [
    [0, 0, 0, 0, 0, 0, 0, 0],
    [all, all, all, all, all, all, 0, 0],
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0, 0],
  ];
  using input = gpu.tensor(Int32Array.from(inputs.flat()), [24]);
  using y = gpu.empty([12], { dtype: "i32" });
  gpu.run(philoxKernel(), { input, y }, {}, [3]);
  const words = [...await y.readInts()].map((word) => (word >>> 0).toString(16));
  assertEquals(words, [
    ...["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"],
    ...["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"],
    ...["d16cfe09", "94fdcceb", "5001e420", "24126ea1"],
  ]);
});

Deno.test("dropout keeps 1 − p of the elements and makes up for the rest", async () => {
  const n = 40_003, p = 0.3;
  using x = gpu.full([n], 2, { requiresGrad: true });
  using y = dropout(x, p, { seed: 7, offset: 3 }).keep();
  using upstream = gpu.full([n], 5);
  y.backward(upstream);
  const [values, gradient] = await gpu.read([y, x.grad!]);
  const kept = values.filter((v) => v !== 0);
  assert(kept.every((v) => Math.abs(v - 2 / (1 - p)) < 1e-6));
  const deviations = Math.abs(kept.length - n * (1 - p)) / Math.sqrt(n * p * (1 - p));
  assert(deviations < 4, `${kept.length} of ${n} kept: ${deviations} standard deviations off`);
  for (let i = 0; i < n; i++) {
    assertEquals(gradient[i] !== 0, values[i] !== 0);
    assert(gradient[i] === 0 || Math.abs(gradient[i] - 5 / (1 - p)) < 1e-5);
  }
});

Deno.test("the same seed and offset drop the same elements, others do not", async () => {
  using x = gpu.full([1000], 1);
  const mask = async (seed: number, offset: number) => {
    using y = dropout(x, 0.5, { seed, offset });
    return [...await y.read()];
  };
  const first = await mask(1, 0);
  assertEquals(await mask(1, 0), first);
  assertNotEquals(await mask(2, 0), first);
  assertNotEquals(await mask(1, 1), first);
  assertNotEquals(await mask(1, 2 ** 40), first);
  assertNotEquals(await mask(1 + 2 ** 32, 0), first);
  // Pinned, because every adapter must drop the same.
  assertEquals(first.slice(0, 16).map((v) => v === 0 ? 0 : 1).join(""), "1111110101111000");
});

Deno.test("dropout with p = 0 changes nothing, and impossible arguments are named", async () => {
  using x = gpu.tensor([1, 2, 3]);
  using y = dropout(x, 0, { seed: 0 });
  assertEquals([...await y.read()], [1, 2, 3]);
  assertThrows(() => dropout(x, 1, { seed: 0 }), RangeError, "p is 1; expected a probability");
  assertThrows(() => dropout(x, 0.5, { seed: -1 }), RangeError, "seed is -1");
});
