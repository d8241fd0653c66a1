import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { accumulate } from "../../kernels/accumulate.ts";
import { fill } from "../../kernels/fill.ts";
import { defineKernel, wgsl } from "../../kernels/kernel.ts";
import {
  DeviceLostError,
  formatBytes,
  GpuError,
  NoAdapterError,
  OutOfMemoryError,
} from "../../lib/gpu/errors.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import { embedding } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

const misspelt = defineKernel("misspelt", () => ({
  bindings: { y: "write array<f32>" },
  params: { count: "u32" },
  workgroup: [1, 1, 1],
  code: "@compute @workgroup_size(1) fn main() { y[0] = nonsense; }",
}));

Deno.test("a kernel that is refused for its memory leaves no error scope open", async () => {
  using gpu = await Gpu.open();
  const large = defineKernel("large", () => ({
    bindings: { y: "write array<f32>" },
    params: {},
    workgroup: [1, 1, 1],
    code: wgsl`var<workgroup> all: array<f32, ${gpu.limits.maxComputeWorkgroupStorageSize}>;
@compute @workgroup_size(1) fn main() { all[0] = 1.0; y[0] = all[0]; }`,
  }));
  let open = 0;
  const { raw } = gpu, push = raw.pushErrorScope.bind(raw), pop = raw.popErrorScope.bind(raw);
  raw.pushErrorScope = (filter) => (open++, push(filter));
  raw.popErrorScope = () => (open--, pop());
  using y = gpu.zeros([1]);
  await assertRejects(() => gpu.compile(large()), GpuError, "workgroup memory");
  assertThrows(() => gpu.run(large(), { y }, {}, [1]), GpuError, "workgroup memory");
  await gpu.sync();
  assertEquals(open, 0);
});

Deno.test("a kernel that does not compile is named, and never gives zeros", async () => {
  using gpu = await Gpu.open();
  using y = gpu.zeros([4]);
  gpu.run(misspelt(), { y }, { count: 1 }, [1]);
  const error = await assertRejects(() => y.read(), GpuError, `Kernel "misspelt" was refused`);
  assertMatch(error.message, /nonsense/);
  const again = await assertRejects(() => gpu.sync(), GpuError);
  assertEquals(again, error, "the first failure is remembered");
  assertThrows(() => gpu.zeros([4]), GpuError, "misspelt");
});

Deno.test("what the device refuses is reported with the kernels of its batch", async () => {
  const cases: [string, (gpu: Gpu) => void, RegExp][] = [
    ["a misaligned slice", (gpu) => {
      using y = gpu.zeros([400]);
      gpu.run(fill(), { y: y.memory.slice(4, 16) }, { count: 1, value: 1 }, [1]);
    }, /"fill".*alignment/],
    ["a slice beyond its buffer", (gpu) => {
      using y = gpu.zeros([4]);
      gpu.run(fill(), { y: y.memory.slice(0, 1600) }, { count: 1, value: 1 }, [1]);
    }, /"fill".*overflow/],
    ["one buffer bound to be read and written", (gpu) => {
      using x = gpu.zeros([64]);
      gpu.run(accumulate(), { x, y: x }, { count: 64, factor: 1 }, [1]);
    }, /"accumulate".*conflicting usages/],
  ];
  for (const [what, record, pattern] of cases) {
    for (const wait of ["sync", "read", "time"] as const) {
      using gpu = await Gpu.open();
      using z = gpu.full([4], 1);
      if (wait !== "time") record(gpu);
      const error = await assertRejects(
        (): PromiseLike<unknown> =>
          wait === "sync" ? gpu.sync() : wait === "read" ? z.read() : gpu.time(() => record(gpu)),
        GpuError,
      );
      assertMatch(error.message, pattern, `${what}, ${wait}`);
    }
  }
});

Deno.test("forgotten bindings and parameters are named before anything runs", async () => {
  using gpu = await Gpu.open();
  using y = gpu.full([4], 7);
  assertThrows(
    () => gpu.run(fill(), {}, { count: 1, value: 1 }, [1]),
    GpuError,
    `Kernel "fill" was not given its binding "y".`,
  );
  assertThrows(
    () => gpu.run(fill(), { Y: y }, { count: 1, value: 1 }, [1]),
    GpuError,
    `Kernel "fill" was not given its binding "y".`,
  );
  assertThrows(
    () => gpu.run(fill(), { y }, { count: 4 }, [1]),
    GpuError,
    `Kernel "fill" was given value = undefined; expected a number.`,
  );
  assertThrows(
    () => gpu.run(fill(), { y }, { count: 4, value: NaN }, [1]),
    GpuError,
    `Kernel "fill" was given value = NaN; expected a number.`,
  );
  assertEquals([...await y.read()], [7, 7, 7, 7], "the device goes on");
});

Deno.test("a grid too large, or not of whole numbers, is named", async () => {
  using gpu = await Gpu.open();
  using y = gpu.zeros([4]);
  const most = gpu.limits.maxComputeWorkgroupsPerDimension;
  const bad: [number, number?, number?][] = [[most + 1], [1, most + 1], [1, 1, -1], [0.5], [NaN]];
  for (const grid of bad) {
    assertThrows(
      () => gpu.run(fill(), { y }, { count: 1, value: 1 }, grid),
      GpuError,
      `Kernel "fill" was given a grid of [${grid.join(", ")}] workgroups; each must be a whole ` +
        `number of at most ${most}.`,
    );
  }
  await gpu.sync();
});

Deno.test("a binding larger than one may be is named", async () => {
  using gpu = await Gpu.open({ maxBinding: 1024 });
  assertEquals(gpu.maxBinding, 1024);
  using y = gpu.empty([300], { label: "too wide" });
  assertThrows(
    () => gpu.run(fill(), { y }, { count: 300, value: 1 }, [2]),
    GpuError,
    `Kernel "fill" was given "y" of 1.2 KiB, but a binding of this device covers at most 1.0 KiB.`,
  );
});

Deno.test("a tensor of another device is named at once, and both devices go on", async () => {
  using gpu = await Gpu.open();
  using other = await Gpu.open();
  using x = gpu.tensor([1, 2, 3, 4], [2, 2]);
  using y = other.tensor([1, 2, 3, 4], [2, 2], { label: "foreign" });
  using ids = other.tensor(Int32Array.of(0, 1));
  const message = `"foreign", which belongs to another Gpu`;
  assertThrows(() => gpu.run(fill(), { y }, { count: 4, value: 1 }, [1]), GpuError, message);
  assertThrows(() => gpu.copy(y, x, 16), GpuError, message);
  assertThrows(() => gpu.copy(x, y, 16), GpuError, message);
  assertThrows(() => gpu.write(y, Float32Array.of(1)), GpuError, message);
  assertThrows(() => gpu.clear(y), GpuError, message);
  await assertRejects(() => gpu.readBytes([x, y]), GpuError, message);
  assertThrows(() => embedding(ids, x), GpuError, "another Gpu");
  assertThrows(() => linearCrossEntropy(x, y, Int32Array.of(0, 1)), TypeError, "c is a tensor of");
  assertEquals([...await x.read(), ...await y.read()], [1, 2, 3, 4, 1, 2, 3, 4]);
});

Deno.test("freed buffers are named by whoever is given one", async () => {
  using gpu = await Gpu.open();
  const gone = gpu.allocate(256, "gone"), there = gpu.allocate(256, "there");
  gone.release();
  const freed = `"gone", which has already been freed.`;
  assertThrows(
    () => gpu.run(fill(), { y: gone }, { count: 1, value: 1 }, [1]),
    GpuError,
    `Kernel "fill" was given "y" ${freed}`,
  );
  assertThrows(() => gpu.write(gone, new Float32Array(1)), GpuError, freed);
  assertThrows(() => gpu.clear(gone), GpuError, freed);
  assertThrows(() => gpu.copy(gone, there, 4), GpuError, freed);
  assertThrows(() => gpu.copy(there, gone, 4), GpuError, freed);
  await assertRejects(() => gpu.readBytes([there, gone]), GpuError, freed);
  assertThrows(
    () => gpu.copy(there, there.slice(0, 128), 256),
    GpuError,
    `Copying 256 bytes from "there", which has 256, to "there", which has room for 128.`,
  );
  await gpu.sync();
});

Deno.test("the device's own running out of memory is an exception that names the kernels", async () => {
  using gpu = await Gpu.open();
  using y = gpu.full([1024], 1);
  // No test should exhaust the machine: the driver's answer is put into the scope that asks for it.
  const { popErrorScope } = gpu.raw;
  let asked = 0;
  gpu.raw.popErrorScope = async () => {
    const error = await popErrorScope.call(gpu.raw);
    return ++asked === 2 ? new GPUOutOfMemoryError("Not enough memory left.") : error;
  };
  const error = await assertRejects(() => y.read(), OutOfMemoryError, "ran out of memory");
  assertMatch(
    error.message,
    /while running "fill": Not enough memory left\. \(4\.0 KiB were in use\)/,
  );
});

Deno.test("a lost device is an exception for whoever waits, writes or records, never a hang", async () => {
  const waiting: [string, (gpu: Gpu) => PromiseLike<unknown>][] = [
    ["sync", (gpu) => gpu.sync()],
    ["read", (gpu) => gpu.readBytes([gpu.allocate(64, "x")])],
    ["tensors", (gpu) => gpu.full([4], 1).read()],
    ["time", (gpu) => gpu.time(() => void gpu.full([4], 1))],
  ];
  for (const warm of [false, true]) {
    for (const [what, wait] of waiting) {
      using gpu = await Gpu.open();
      using y = gpu.full([16], 1);
      if (warm) { // staging memory that has been mapped before is read another way
        await y.read();
        await y.read();
      }
      gpu.raw.destroy();
      await soon(
        assertRejects(() => wait(gpu), DeviceLostError, "The GPU device is gone"),
        `${what}, ${warm}`,
      );
      assertThrows(() => gpu.zeros([4]), DeviceLostError, "The GPU device is gone");
      assertThrows(() => gpu.write(y, new Float32Array(4)), DeviceLostError);
      await soon(assertRejects(() => y.read(), DeviceLostError), `${what}, ${warm}, later`);
      await soon(assertRejects(() => gpu.sync(), DeviceLostError), `${what}, ${warm}, sync later`);
    }
  }
});

Deno.test("a device lost while its results are awaited is an exception", async () => {
  using gpu = await Gpu.open();
  using y = gpu.full([16], 1);
  const reading = y.read(), synced = gpu.sync();
  gpu.raw.destroy();
  await soon(assertRejects(() => reading, DeviceLostError), "read");
  await soon(assertRejects(() => synced, DeviceLostError), "sync");
});

Deno.test("a closed device says that it was closed", async () => {
  const gpu = await Gpu.open();
  const y = gpu.full([16], 1);
  const reading = y.read();
  gpu.close();
  gpu.close();
  await soon(assertRejects(() => reading, DeviceLostError, "closed"), "read before");
  await soon(assertRejects(() => y.read(), DeviceLostError, "closed"), "read after");
  assertThrows(() => gpu.zeros([1]), DeviceLostError, "The GPU has been closed.");
  y.dispose(); // freeing what it held is no error
});

Deno.test("without WebGPU or an adapter the message says what to do", async () => {
  const real = navigator.gpu.requestAdapter;
  navigator.gpu.requestAdapter = () => Promise.resolve(null);
  try {
    const error = await assertRejects(() => Gpu.open(), NoAdapterError, "No WebGPU adapter");
    assertMatch(error.message, /apt-get install -y mesa-vulkan-drivers/);
  } finally {
    navigator.gpu.requestAdapter = real;
  }
  const navigatorOfDeno = Object.getOwnPropertyDescriptor(globalThis, "navigator")!;
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  try {
    await assertRejects(() => Gpu.open(), NoAdapterError, "navigator.gpu is missing");
  } finally {
    Object.defineProperty(globalThis, "navigator", navigatorOfDeno);
  }
});

Deno.test("bytes are written for people", () => {
  const texts = [0, 1023, 1024, 1536, 150 * 1024, 2 ** 30, 3.5 * 2 ** 40, -2048].map(formatBytes);
  assertEquals(
    texts,
    ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "150 KiB", "1.0 GiB", "3.5 TiB", "-2.0 KiB"],
  );
});

/** Fails if `promise` hangs: if it has not settled within a time that no slow machine needs. */
async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: still waiting after 2 minutes.`)), 120_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
