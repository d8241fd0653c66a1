import { assert, assertEquals, assertRejects } from "@std/assert";
import { fill } from "../../kernels/fill.ts";
import { GpuError } from "../../lib/gpu/errors.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

function work(gpu: Gpu, y: Parameters<Gpu["run"]>[1][string], times: number) {
  for (let i = 0; i < times; i++) gpu.run(fill(), { y }, { count: 1 << 18, value: i }, [1024]);
}

Deno.test("time is read from the device's clock where it has one", async () => {
  using gpu = await Gpu.open();
  using y = gpu.zeros([1 << 18]);
  work(gpu, y, 1); // compiles
  await gpu.sync();
  const start = performance.now();
  const timing = await gpu.time(() => {
    work(gpu, y, 20);
    return "result";
  });
  const elapsed = performance.now() - start;
  assertEquals([timing.result, timing.byDevice], ["result", gpu.hasTimestamps]);
  assert(timing.ms > 0 && timing.ms <= elapsed, `${timing.ms} ms of ${elapsed} ms`);
});

Deno.test("perKernel times every dispatch by the name of its kernel", async () => {
  using gpu = await Gpu.open();
  if (!gpu.hasTimestamps) return;
  using y = gpu.zeros([1 << 18]);
  const { passes, ms } = await gpu.time(() => work(gpu, y, 5), { perKernel: true });
  assertEquals(passes.map((pass) => pass.name), Array(5).fill("fill"));
  const sum = passes.reduce((total, pass) => total + pass.ms, 0);
  assert(passes.every((pass) => pass.ms >= 0) && sum <= ms * 1.001, `${sum} ms of ${ms} ms`);
});

Deno.test("work recorded before is not timed, and nothing takes no time", async () => {
  using gpu = await Gpu.open();
  using y = gpu.zeros([1 << 18]);
  work(gpu, y, 3);
  const { ms, passes } = await gpu.time(() => {});
  assertEquals([ms, passes.length], gpu.hasTimestamps ? [0, 0] : [ms, 1]);
});

Deno.test("more passes than a query set holds are all timed", async () => {
  using gpu = await Gpu.open();
  using y = gpu.zeros([4]);
  const { passes, ms } = await gpu.time(() => {
    for (let i = 0; i <= 4200; i++) gpu.run(fill(), { y }, { count: 4, value: i }, [1]);
  }, { perKernel: true });
  assertEquals([passes.length, (await y.read())[0]], [gpu.hasTimestamps ? 4201 : 1, 4200]);
  const sum = passes.reduce((total, pass) => total + pass.ms, 0);
  assert(passes.every((pass) => pass.ms >= 0) && sum <= ms * 1.001, `${sum} ms of ${ms} ms`);
});

Deno.test("without timestamps time is the host's", async () => {
  const real = navigator.gpu.requestAdapter;
  navigator.gpu.requestAdapter = async (options) => {
    const adapter = await real.call(navigator.gpu, options);
    const { requestDevice } = adapter!;
    adapter!.requestDevice = (descriptor) => {
      if (descriptor?.requiredFeatures && [...descriptor.requiredFeatures].length > 0) {
        return Promise.reject(new TypeError("This adapter has no such feature."));
      }
      return requestDevice.call(adapter, descriptor);
    };
    return adapter;
  };
  try {
    using gpu = await Gpu.open();
    assert(!gpu.hasTimestamps);
    assert(gpu.refusedFeatures.includes("timestamp-query"));
    using y = gpu.zeros([1 << 18]);
    const timing = await gpu.time(() => work(gpu, y, 3));
    assert(!timing.byDevice && timing.ms > 0);
    assertEquals(timing.passes.length, 1);
  } finally {
    navigator.gpu.requestAdapter = real;
  }
});

Deno.test("time() inside time() is an error, and an exception ends the outer one", async () => {
  using gpu = await Gpu.open();
  if (!gpu.hasTimestamps) return;
  using y = gpu.zeros([1 << 18]);
  await assertRejects(() => gpu.time(() => gpu.time(() => {})), GpuError, "inside time()");
  await assertRejects(() => gpu.time(() => Promise.reject(new RangeError("mine"))), RangeError);
  assert((await gpu.time(() => work(gpu, y, 1))).ms > 0, "a later one works");
});
