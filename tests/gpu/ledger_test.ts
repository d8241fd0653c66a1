import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MemoryLedger } from "../../lib/gpu/ledger.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

Deno.test("the ledger counts live, peak and reserved bytes, and who holds them", async () => {
  using gpu = await Gpu.open();
  const { memory } = gpu;
  assertEquals([memory.live, memory.peak, memory.reserved], [0, 0, 0]);
  const a = gpu.allocate(1000, "a"), b = gpu.allocate(256, "b"), more = gpu.allocate(5000, "a");
  assertEquals([a.bytes, b.bytes, more.bytes], [1024, 256, 5120], "multiples of 256 bytes");
  assertEquals([memory.live, memory.peak, memory.reserved], [6400, 6400, 6400]);
  assertEquals(memory.byLabel(), [{ label: "a", bytes: 6144 }, { label: "b", bytes: 256 }]);
  more.release();
  assertEquals([memory.live, memory.peak, memory.reserved], [1280, 6400, 6400]);
  assertEquals(memory.byLabel(), [{ label: "a", bytes: 1024 }, { label: "b", bytes: 256 }]);
  a.release();
  b.release();
  assertEquals([memory.live, memory.byLabel()], [0, []]);
  gpu.trim();
  assertEquals([memory.reserved, memory.reservedPeak, memory.peak], [0, 6400, 6400]);
});

Deno.test("a buffer is freed by its last holder, and no later", async () => {
  using gpu = await Gpu.open();
  const buffer = gpu.allocate(256, "held twice").retain();
  assert(buffer.shared);
  buffer.release();
  assertEquals([buffer.shared, buffer.freed, gpu.memory.live], [false, false, 256]);
  buffer.release();
  assertEquals([buffer.freed, gpu.memory.live], [true, 0]);
  assertThrows(() => buffer.release(), Error, `Buffer "held twice" has already been freed`);
  assertThrows(() => buffer.retain(), Error, `Buffer "held twice" has already been freed`);
});

Deno.test("measure gives the peak above the start, and what is kept", async () => {
  using gpu = await Gpu.open();
  const before = gpu.allocate(10_240, "before");
  gpu.allocate(102_400, "an older peak").release();
  const { result, peak, kept } = gpu.memory.measure(() => {
    const short = gpu.allocate(2048, "short");
    const long = gpu.allocate(512, "long");
    short.release();
    return long;
  });
  assertEquals([peak, kept, result.label], [2560, 512, "long"]);
  const later = await gpu.memory.measure(async () => {
    gpu.allocate(1024, "short").release();
    await gpu.sync();
    before.release();
    return "done";
  });
  assertEquals(later, { result: "done", peak: 1024, kept: -10_240 });
});

Deno.test("measurements may be nested, and overlap in time", async () => {
  const ledger = new MemoryLedger();
  let inner = 0;
  const outer = ledger.measure(() => {
    ledger.use("x", 100);
    inner = ledger.measure(() => {
      ledger.use("y", 30);
      ledger.release("y", 30);
    }).peak;
    ledger.release("x", 100);
  });
  assertEquals([outer.peak, inner], [100 + 30, 30]);
  const first = ledger.measure(() => new Promise((resolve) => setTimeout(resolve, 5)));
  const second = ledger.measure(() => Promise.resolve(ledger.use("z", 7)));
  assertEquals((await second).peak, 7);
  ledger.use("z", 1);
  assertEquals((await first).peak, 8);
});

Deno.test("an exception ends a measurement and comes out of it", async () => {
  const ledger = new MemoryLedger();
  assertThrows(
    () =>
      ledger.measure(() => {
        ledger.use("x", 5);
        throw new RangeError("at once");
      }),
    RangeError,
    "at once",
  );
  await assertRejects(
    () => ledger.measure(() => Promise.reject(new RangeError("later"))),
    RangeError,
    "later",
  );
  assertEquals(ledger.measure(() => ledger.use("x", 3)).peak, 3, "what was before does not count");
});
