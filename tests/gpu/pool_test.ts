import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../../lib/gpu/errors.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

Deno.test("freed memory is used again for requests of about its size", async () => {
  using gpu = await Gpu.open();
  const first = gpu.allocate(100 * 256, "first");
  first.release();
  const same = gpu.allocate(100 * 256, "same");
  assertEquals(same.rawId, first.rawId);
  same.release();
  const smaller = gpu.allocate(90 * 256, "up to an eighth smaller");
  assertEquals([smaller.rawId, smaller.bytes], [first.rawId, 100 * 256]);
  assertEquals(gpu.memory.live, 100 * 256, "it counts with what it takes on the device");
  smaller.release();
  const muchSmaller = gpu.allocate(50 * 256, "half as large");
  assertNotEquals(muchSmaller.rawId, first.rawId);
  const larger = gpu.allocate(101 * 256, "larger");
  assertNotEquals(larger.rawId, first.rawId);
  muchSmaller.release();
  larger.release();
});

Deno.test("the best fit among what waits is taken", async () => {
  using gpu = await Gpu.open();
  const sizes = [110, 104, 107].map((n) => gpu.allocate(n * 256, `of ${n}`));
  for (const buffer of sizes) buffer.release();
  assertEquals(gpu.allocate(100 * 256, "x").rawId, sizes[1].rawId);
  assertEquals(gpu.allocate(100 * 256, "x").rawId, sizes[2].rawId);
});

Deno.test("what is taken depends on what is free, not on the order in which it was freed", async () => {
  using gpu = await Gpu.open();
  const take = () => Array.from({ length: 5 }, (_, i) => gpu.allocate(4096, `number ${i}`));
  let buffers = take();
  const ids = buffers.map(({ rawId }) => rawId);
  for (const order of [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]]) {
    for (const i of order) buffers[i].release();
    buffers = take();
    assertEquals(buffers.map(({ rawId }) => rawId), ids, `freed in the order ${order}`);
  }
});

Deno.test("used again, memory keeps the order of reads and writes", async () => {
  using gpu = await Gpu.open();
  const results: Promise<Float32Array>[] = [];
  for (let i = 0; i < 20; i++) {
    using x = gpu.full([64], i); // recorded, then freed, then given to the next round
    results.push(x.read());
    using y = gpu.tensor(new Float32Array(64).fill(100 + i)); // written by the host at once
    results.push(y.read());
  }
  const values = (await Promise.all(results)).map((x) => x[63]);
  assertEquals(values, Array.from({ length: 40 }, (_, i) => (i % 2) * 100 + Math.floor(i / 2)));
});

Deno.test("trim gives back what waits, also while work with it is recorded", async () => {
  using gpu = await Gpu.open();
  using kept = gpu.full([1024], 3);
  const freed = gpu.full([4096], 4);
  using copy = gpu.empty([4096]);
  gpu.copy(freed, copy, freed.bytes);
  freed.dispose();
  gpu.trim();
  assertEquals(gpu.memory.reserved, gpu.memory.live);
  assertEquals([(await kept.read())[0], (await copy.read())[4095]], [3, 4]);
});

Deno.test("more than a buffer holds is refused in a sentence", async () => {
  using gpu = await Gpu.open();
  const bytes = gpu.limits.maxBufferSize + 1;
  const { message } = assertThrows(() => gpu.allocate(bytes, "huge"), OutOfMemoryError);
  assert(/^"huge" needs .*iB, but one buffer of this device holds at most .*iB\.$/.test(message));
  const side = Math.ceil(Math.sqrt(bytes / 4));
  assertThrows(() => gpu.zeros([side, side], { label: "w" }), OutOfMemoryError, `"w" needs`);
  assertEquals([gpu.memory.live, gpu.memory.reserved], [0, 0]);
  using x = gpu.full([1], 5); // and the device goes on
  assertEquals(await x.item(), 5);
});

Deno.test("more than the memory limit is refused in a sentence that names who holds memory", async () => {
  using gpu = await Gpu.open({ memoryLimit: 1 << 20 });
  using _weights = gpu.zeros([512, 256], { label: "weights" });
  using _gradients = gpu.zeros([64, 1024], { label: "gradients" });
  const { message } = assertThrows(() => gpu.zeros([65, 1024], { label: "x" }), OutOfMemoryError);
  assertEquals(
    message,
    `"x" needs 260 KiB, but of the memory limit of 1.0 MiB already 768 KiB are in use ` +
      `(most by "weights": 512 KiB, "gradients": 256 KiB).`,
  );
  using last = gpu.full([64, 1024], 1); // exactly what is left
  assertEquals([gpu.memory.live, (await last.read())[65_535]], [1 << 20, 1]);
});

Deno.test("what waits in the pool counts against the memory limit", async () => {
  using gpu = await Gpu.open({ memoryLimit: 1 << 20 });
  for (let i = 1; i <= 16; i++) {
    gpu.allocate(i * 60_000, "sizes that do not fit each other").release();
  }
  assert(gpu.memory.reservedPeak <= 1 << 20, `${gpu.memory.reservedPeak} bytes were reserved`);
  assertEquals(gpu.memory.live, 0);
});
