import { assert, assertEquals, assertThrows } from "@std/assert";
import { GpuError } from "../../lib/gpu/errors.ts";
import { StagingRing } from "../../lib/gpu/staging.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

Deno.test("many tensors of any length are read with one call", async () => {
  using gpu = await Gpu.open();
  const lengths = Array.from({ length: 60 }, (_, i) => 1 + (i * 7) % 23);
  const tensors = lengths.map((n, i) => gpu.full([n], i));
  const values = await gpu.read(tensors);
  assertEquals(values.map((x) => x.length), lengths);
  values.forEach((x, i) => assert(x.every((value) => value === i), `tensor ${i}`));
});

Deno.test("reads that overlap in time, and reads again and again, get what was recorded before", async () => {
  using gpu = await Gpu.open();
  for (let round = 0; round < 4; round++) { // from the second round on buffers have been mapped before
    const reads = [];
    using x = gpu.empty([32]);
    for (let i = 0; i < 12; i++) {
      gpu.write(x, new Float32Array(32).fill(100 * round + i));
      reads.push(x.read());
    }
    const values = await Promise.all(reads);
    assertEquals(values.map((v) => v[31]), Array.from({ length: 12 }, (_, i) => 100 * round + i));
  }
});

Deno.test("results stay as they were read, whatever is read into the same memory later", async () => {
  using gpu = await Gpu.open();
  using x = gpu.full([16], 1);
  const first = await x.read();
  gpu.write(x, new Float32Array(16).fill(2));
  const second = await x.read();
  assertEquals([first[0], second[0]], [1, 2]);
});

Deno.test("large tensors come back whole", async () => {
  using gpu = await Gpu.open();
  const data = Float32Array.from({ length: 3_000_001 }, (_, i) => i);
  using x = gpu.tensor(data);
  const back = await x.read();
  assertEquals(back.length, data.length);
  assert(back.every((value, i) => value === i));
});

Deno.test("what has no room in one staging buffer is read through several, all as it was at the call", async () => {
  using gpu = await Gpu.open();
  const most = 1024, sizes: number[] = [];
  const tensors = Array.from({ length: 7 }, (_, i) => gpu.full([100 + i], i)); // two in a buffer
  await gpu.sync();
  const { createBuffer } = gpu.raw;
  gpu.raw.createBuffer = (descriptor) => {
    sizes.push(descriptor.size);
    return createBuffer.call(gpu.raw, descriptor);
  };
  const ring = new StagingRing(gpu.raw, most);
  const reading = ring.read(tensors.map(({ slice }) => slice), (copy) => {
    const encoder = gpu.raw.createCommandEncoder();
    copy(encoder);
    gpu.raw.queue.submit([encoder.finish()]);
  });
  gpu.raw.createBuffer = createBuffer;
  for (const tensor of tensors) gpu.write(tensor, new Float32Array(tensor.size).fill(-1));
  const values = (await reading).map((part) => new Float32Array(part));
  assertEquals(sizes.length, 4);
  assert(sizes.every((size) => size <= most), sizes.join());
  values.forEach((x, i) => assertEquals([...x], Array(100 + i).fill(i)));
});

Deno.test("half floats and integers are written and read, also odd numbers of them", async () => {
  using gpu = await Gpu.open();
  using half = gpu.tensor(Float16Array.of(1, -2.5, 65504));
  using ints = gpu.tensor(Int32Array.of(-1, 2 ** 31 - 1, 7));
  assertEquals([half.dtype, half.bytes, ints.dtype], ["f16", 6, "i32"]);
  assertEquals([...await half.read()], [1, -2.5, 65504]);
  assertEquals([...await ints.readInts()], [-1, 2 ** 31 - 1, 7]);
});

Deno.test("a part of a buffer is read and written by its slice", async () => {
  using gpu = await Gpu.open();
  const buffer = gpu.allocate(1024, "parts");
  gpu.clear(buffer);
  gpu.write(buffer.slice(256, 8), Uint32Array.of(7, 8));
  const [middle, all] = await gpu.readBytes([buffer.slice(256, 12), buffer]);
  assertEquals([...new Uint32Array(middle)], [7, 8, 0]);
  assertEquals(new Uint32Array(all).indexOf(7), 64);
  assertThrows(
    () => gpu.write(buffer.slice(256, 8), new Uint32Array(3)),
    GpuError,
    `Writing 12 bytes to "parts", which has room for 8.`,
  );
  buffer.release();
});

Deno.test("reading nothing gives nothing", async () => {
  using gpu = await Gpu.open();
  assertEquals(await gpu.read([]), []);
  using empty = gpu.zeros([0, 3]);
  assertEquals((await empty.read()).length, 0);
});

Deno.test("where a buffer cannot be read before its promise resolves, the promise is awaited", async () => {
  using gpu = await Gpu.open();
  using x = gpu.full([16], 1);
  await x.read();
  // A browser's buffers: their range is there only once the promise of mapAsync has resolved.
  const { createBuffer } = gpu.raw;
  gpu.raw.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(gpu.raw, descriptor);
    const { mapAsync, getMappedRange, unmap } = buffer;
    let mapped = false;
    buffer.mapAsync = async (mode) => {
      await mapAsync.call(buffer, mode);
      mapped = true;
    };
    buffer.getMappedRange = (...range) => {
      if (!mapped) throw new DOMException("The buffer is not mapped.", "OperationError");
      return getMappedRange.call(buffer, ...range);
    };
    buffer.unmap = () => {
      mapped = false;
      unmap.call(buffer);
    };
    return buffer;
  };
  using large = gpu.full([3000], 1);
  for (let i = 2; i < 6; i++) {
    gpu.write(large, new Float32Array(3000).fill(i));
    assertEquals((await large.read())[2999], i);
  }
});

Deno.test("what was read can be collected: a long run does not fill the host's memory", async () => {
  const program = `
    import { Gpu } from "${new URL("../../lib/tensor/gpu.ts", import.meta.url).href}";
    using gpu = await Gpu.open();
    using x = gpu.zeros([1 << 18]);
    let kept = 0;
    const registry = new FinalizationRegistry(() => void kept--);
    for (let i = 0; i < 40; i++) registry.register((await x.read()).buffer, kept++);
    // Collections run between tasks.
    for (let i = 0; i < 100 && kept > 2; i++) await new Promise((go) => setTimeout(go), gc());
    console.log(kept);`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--v8-flags=--expose-gc", "--no-config", program],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const [kept, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  assert(kept !== "" && Number(kept) <= 2, `${kept} of 40 results are still held ${errors}`);
});
