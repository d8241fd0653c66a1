import { assertEquals } from "@std/assert";
import { accumulate } from "../../kernels/accumulate.ts";
import { fill } from "../../kernels/fill.ts";
import { defineKernel } from "../../kernels/kernel.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

Deno.test("every dispatch sees its own parameters, also beyond the ring of 512", async () => {
  using gpu = await Gpu.open();
  const count = 1300;
  const buffers = Array.from({ length: count }, () => gpu.allocate(256, "one of many"));
  buffers.forEach((y, i) => gpu.run(fill(), { y }, { count: 64, value: i }, [1]));
  const parts = await gpu.readBytes(buffers);
  assertEquals(
    parts.map((part) => new Float32Array(part)[63]),
    Array.from({ length: count }, (_, i) => i),
  );
});

Deno.test("dispatches that depend on each other run in order, across batches", async () => {
  using gpu = await Gpu.open();
  using one = gpu.full([1], 1);
  using sum = gpu.zeros([1]);
  for (let i = 0; i < 1500; i++) {
    gpu.run(accumulate(), { x: one, y: sum }, { count: 1, factor: 1 }, [1]);
  }
  assertEquals(await sum.item(), 1500);
});

Deno.test("dispatches bind what they are given, whatever followed what before", async () => {
  using gpu = await Gpu.open();
  using one = gpu.full([1], 1);
  const memory = gpu.allocate(1024, "four places");
  gpu.clear(memory);
  const places = [0, 256, 512, 768].map((offset) => memory.slice(offset, 256));
  const counts = [0, 0, 0, 0];
  // The same order for a while, then others, and places twice in a row.
  const order = [..."0123".repeat(3), ..."3210".repeat(3), ..."0012233013"].map(Number);
  for (const place of order) {
    gpu.run(accumulate(), { x: one, y: places[place] }, { count: 1, factor: 1 }, [1]);
    counts[place]++;
  }
  const [found] = await gpu.readBytes([memory]);
  assertEquals([0, 64, 128, 192].map((i) => new Float32Array(found)[i]), counts);
  memory.release();
});

Deno.test("a host write does not overtake recorded reads of what it overwrites", async () => {
  using gpu = await Gpu.open();
  using x = gpu.tensor([1, 2, 3, 4]);
  using before = gpu.zeros([4]);
  using after = gpu.zeros([4]);
  gpu.run(accumulate(), { x, y: before }, { count: 4, factor: 1 }, [1]);
  gpu.write(x, Float32Array.of(10, 20, 30, 40));
  gpu.run(accumulate(), { x, y: after }, { count: 4, factor: 1 }, [1]);
  const [a, b] = await gpu.read([before, after]);
  assertEquals([[...a], [...b]], [[1, 2, 3, 4], [10, 20, 30, 40]]);
});

Deno.test("copies and clears keep their place among dispatches", async () => {
  using gpu = await Gpu.open();
  using x = gpu.full([4], 1);
  using y = gpu.empty([4]);
  gpu.copy(x, y, 16);
  gpu.run(fill(), { y: x }, { count: 4, value: 2 }, [1]);
  using z = gpu.empty([4]);
  gpu.copy(x, z, 16);
  gpu.clear(x.memory);
  const results = await gpu.read([x, y, z]);
  assertEquals(results.map((values) => values[3]), [0, 1, 2]);
});

Deno.test("what is worth it is recorded in a command buffer of its own, and in order", async () => {
  using gpu = await Gpu.open();
  using one = gpu.full([1], 1);
  using x = gpu.zeros([1]);
  using y = gpu.zeros([1]);
  await gpu.sync();
  const buffers: number[] = [], { queue } = gpu.raw, submit = queue.submit.bind(queue);
  queue.submit = (list) => (buffers.push([...list].length), submit(list));
  const add = (from: Tensor, to: Tensor) =>
    gpu.run(accumulate(), { x: from, y: to }, { count: 1, factor: 1 }, [1]);
  for (const operations of [1e6, 1e12]) {
    add(one, x);
    const result = gpu.concurrently(operations, () => (add(x, y), add(one, x), "result"));
    assertEquals(result, "result");
    add(x, y);
    await gpu.sync();
  }
  // x: 1, 2, 3, 4; y gets 1 and 2, then 3 and 4.
  assertEquals([await x.item(), await y.item()], [4, 10]);
  assertEquals(buffers.slice(0, 2), [1, 2]);
});

Deno.test("an indirect dispatch takes its grid from the device, and waits for a host write of it", async () => {
  using gpu = await Gpu.open();
  const mark = defineKernel("mark", () => ({
    bindings: { y: "write array<f32>" },
    workgroup: [1, 1, 1],
    code: "@compute @workgroup_size(1) fn main(@builtin(workgroup_id) group: vec3u) " +
      "{ y[group.x] = 1.0; }",
  }))();
  const grid = gpu.allocate(12, "grid");
  gpu.write(grid, Uint32Array.of(3, 1, 1));
  using y = gpu.zeros([8]);
  using z = gpu.zeros([8]);
  gpu.run(mark, { y }, {}, { indirect: grid.slice(0, 12) });
  gpu.write(grid, Uint32Array.of(5, 1, 1));
  gpu.run(mark, { y: z }, {}, { indirect: grid.slice(0, 12) });
  const [a, b] = await gpu.read([y, z]);
  assertEquals([[...a], [...b]], [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0, 0, 0]]);
  grid.release();
});

Deno.test("parameters are u32, i32 and f32 as the kernel declares them", async () => {
  using gpu = await Gpu.open();
  const types = defineKernel("types", () => ({
    bindings: { y: "write array<f32>" },
    params: { large: "u32", negative: "i32", fraction: "f32", infinite: "f32" },
    workgroup: [1, 1, 1],
    code: "@compute @workgroup_size(1) fn main() { y[0] = f32(params.large); " +
      "y[1] = f32(params.negative); y[2] = params.fraction; y[3] = params.infinite; }",
  }))();
  using y = gpu.zeros([4]);
  const params = { large: 2 ** 32 - 256, negative: -7, fraction: 0.375, infinite: -Infinity };
  gpu.run(types, { y }, params, [1]);
  assertEquals([...await y.read()], [2 ** 32 - 256, -7, 0.375, -Infinity]);
});

Deno.test("a grid without workgroups does nothing", async () => {
  using gpu = await Gpu.open();
  using y = gpu.full([4], 1);
  gpu.run(fill(), { y }, { count: 4, value: 2 }, [0]);
  gpu.run(fill(), { y }, { count: 4, value: 2 }, [1, 0]);
  assertEquals([...await y.read()], [1, 1, 1, 1]);
});
