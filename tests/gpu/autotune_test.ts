import { assert, assertEquals, assertRejects } from "@std/assert";
import { defineKernel, type Kernel } from "../../kernels/kernel.ts";
import { Gpu, GpuError } from "../../lib/mod.ts";
import type { Timing } from "../../lib/gpu/timer.ts";
import { type Candidate, Tuning, type TuningDevice } from "../../lib/gpu/tuning.ts";
import { browserTuningStore, type TuningStore } from "../../lib/gpu/tuning_store.ts";

const product = defineKernel("product", ({ width }: { width: number }) => ({
  bindings: {},
  workgroup: [1, 1, 1],
  code: `/* ${width} */`,
}));

/** A device whose kernels take as long as they are told to, beside a host that only compiles. */
class FakeDevice implements TuningDevice {
  adapter = {
    description: "Fake",
    vendor: "",
    architecture: "",
    device: "",
    software: false,
  };
  /** Milliseconds on the host's clock. */
  clock = 0;
  /** When the device will be done, and for how long it has had nothing to do since it first had. */
  done = 0;
  idle = 0;
  readonly compiled: Kernel[] = [];
  readonly runs: string[] = [];
  /** Milliseconds that compiling takes. */
  compileMs = 10;
  refused: Kernel | undefined;

  constructor(readonly byDevice = true) {}

  compile(kernel: Kernel): Promise<void> {
    if (kernel === this.refused) return Promise.reject(new GpuError("It is too large."));
    this.clock += this.compileMs;
    this.compiled.push(kernel);
    return Promise.resolve();
  }

  flush(): void {}

  /** Work for the device, after all that was there before. */
  work(ms: number): void {
    if (this.done > 0) this.idle += Math.max(0, this.clock - this.done);
    this.done = Math.max(this.done, this.clock) + ms;
  }

  async time<T>(fn: () => T | PromiseLike<T>): Promise<Timing<T>> {
    const first = this.runs.length, start = Math.max(this.clock, this.done);
    const result = await fn();
    this.clock = Math.max(this.clock, this.done);
    const ms = this.done - start;
    const passes = this.byDevice
      ? this.runs.slice(first).flatMap(() => [
        { name: "product", ms: ms / (this.runs.length - first) },
        { name: "something else", ms: 1000 },
      ])
      : [{ name: "all", ms }];
    return { result, ms: this.byDevice ? 1e6 : ms, byDevice: this.byDevice, passes };
  }

  /** Candidates by their names and milliseconds. */
  candidates(times: Record<string, number>): Candidate<number>[] {
    return Object.entries(times).map(([name, ms], width) => ({
      name,
      value: ms,
      kernel: product({ width }),
      run: () => {
        this.runs.push(name);
        this.work(ms);
      },
    }));
  }

  tuning(store?: TuningStore, enabled = true, warmUp = 0): Tuning {
    return new Tuning(this, { enabled, store, now: () => this.clock, warmUp });
  }
}

function memoryStore(driver?: string): TuningStore & { texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    driver,
    load: (key) => Promise.resolve(texts.get(key)),
    save: (key, value) => Promise.resolve(void texts.set(key, value)),
  };
}

Deno.test("the fastest candidate is chosen by its kernel's own time, and remembered", async () => {
  const device = new FakeDevice(), tuning = device.tuning();
  assertEquals(tuning.get("product", "large"), undefined);
  const candidates = device.candidates({ a: 4, b: 2, c: 3 });
  const result = await tuning.choose("product", "large", candidates);
  assertEquals(result.choice, "b");
  assertEquals(result.source, "measured");
  assertEquals(result.ms, { a: 4, b: 2, c: 3 });
  assertEquals(tuning.get("product", "large"), 2);
  assertEquals(tuning.get("product", "small"), undefined);
  assertEquals(tuning.results, [result]);

  const runs = device.runs.length;
  assertEquals(await tuning.choose("product", "large", candidates), result);
  assertEquals(device.runs.length, runs, "a second question measures nothing");
});

Deno.test("the default stays unless another candidate is clearly faster", async () => {
  const device = new FakeDevice();
  const near = await device.tuning().choose("product", "", device.candidates({ a: 100, b: 95 }));
  assertEquals(near.choice, "a");
  const far = await device.tuning().choose("product", "", device.candidates({ a: 100, b: 90 }));
  assertEquals(far.choice, "b");
});

Deno.test("without timestamps the host's clock decides, with a wider margin", async () => {
  const device = new FakeDevice(false);
  const near = await device.tuning().choose("product", "", device.candidates({ a: 100, b: 95 }));
  assertEquals(near.choice, "a");
  const far = await device.tuning().choose("product", "", device.candidates({ a: 100, b: 80 }));
  assertEquals([far.choice, far.ms], ["b", { a: 100, b: 80 }]);
});

Deno.test("a hopeless candidate runs once; what does not fit the budget is left out", async () => {
  const device = new FakeDevice();
  await device.tuning().choose("product", "", device.candidates({ a: 10, b: 20, c: 12 }));
  const count = (name: string) => device.runs.filter((run) => run === name).length;
  assertEquals([count("b"), count("c")], [1, 4]);

  // Compiling takes 50 ms here, so that the third would be compiled and all measured after 200.
  const slow = new FakeDevice();
  slow.compileMs = 50;
  const result = await slow.tuning().choose(
    "product",
    "",
    slow.candidates({ a: 10, b: 9, c: 5 }),
    { budget: 190 },
  );
  assertEquals(result.choice, "b");
  assertEquals(Object.keys(result.ms), ["a", "b"]);
  assertEquals(result.notes, ["Time was up after 2 of 3 candidates."]);
});

Deno.test("a device that was idle is measured when its clock is up, all candidates at the same", async () => {
  const device = new FakeDevice();
  // Until it has worked for 200 ms, everything takes three times as long.
  const idle = device.candidates({ a: 4, b: 5 }).map((candidate) => ({
    ...candidate,
    run: () => {
      candidate.run();
      if (device.done < 200) device.work(2 * candidate.value);
    },
  }));
  const cold = await device.tuning().choose("product", "cold", idle);
  assertEquals(cold.choice, "a", "in turns they are compared fairly");
  device.clock = device.done = 0;
  const warm = await device.tuning(undefined, true, 300).choose("product", "warm", idle);
  assertEquals([warm.choice, warm.ms], ["a", { a: 4, b: 5 }]);
});

Deno.test("while others are compiled the first candidate keeps the device busy", async () => {
  const device = new FakeDevice();
  device.compileMs = 100;
  const candidates = device.candidates({ a: 4, b: 5, c: 6, d: 3 });
  const result = await device.tuning(undefined, true, 300).choose("product", "", candidates);
  assertEquals([result.choice, result.ms], ["d", { a: 4, b: 5, c: 6, d: 3 }]);
  assertEquals(device.idle, 0);
  // Four compilations, the last three beside work that warms up; then four rounds of all.
  assert(device.clock <= 4 * 100 + 4 * (4 + 5 + 6 + 3) + 5 * 4, `${device.clock} ms`);
});

Deno.test("a candidate that the device refuses is left out, with a note", async () => {
  const device = new FakeDevice();
  device.refused = product({ width: 1 });
  const candidates = device.candidates({ a: 4, b: 1, c: 3 });
  const result = await device.tuning().choose("product", "", candidates);
  assertEquals(result.choice, "c");
  assertEquals(result.notes, ["b was left out: It is too large."]);

  device.refused = product({ width: 0 });
  const other = await device.tuning().choose("product", "", device.candidates({ a: 4, b: 5 }));
  assertEquals(other.choice, "b", "the default may be what is refused");

  const broken: Candidate<number> = {
    ...candidates[1],
    run: () => {
      throw new TypeError("A mistake of ours.");
    },
  };
  await assertRejects(
    () => device.tuning().choose("product", "", [broken, broken]),
    TypeError,
    "A mistake of ours.",
  );
});

Deno.test("choices are stored by adapter, driver, shapes and the kernels' text", async () => {
  const device = new FakeDevice(), store = memoryStore("1.0");
  const times = { a: 4, b: 2 };
  await device.tuning(store).choose("product", "large", device.candidates(times));
  const measured = () => device.runs.length;
  const before = measured();

  const again = await device.tuning(store).choose("product", "large", device.candidates(times));
  assertEquals([again.choice, again.source, again.ms], ["b", "stored", times]);
  assertEquals(measured(), before);

  const source = async (change: {
    store?: TuningStore;
    shapes?: string;
    description?: string;
    width?: number;
  }) => {
    const other = new FakeDevice();
    other.adapter.description = change.description ?? "Fake";
    const candidates = other.candidates(times);
    if (change.width) candidates[1].kernel = product({ width: change.width });
    const tuning = other.tuning(change.store ?? store);
    return (await tuning.choose("product", change.shapes ?? "large", candidates)).source;
  };
  assertEquals(await source({}), "stored");
  assertEquals(await source({ shapes: "small" }), "measured");
  assertEquals(await source({ description: "Another" }), "measured");
  assertEquals(await source({ width: 99 }), "measured", "a changed kernel is measured anew");
  const upgraded = { ...store, driver: "2.0" };
  assertEquals(await source({ store: upgraded }), "measured");
});

Deno.test("a store that is broken costs a measurement, not the run", async () => {
  const device = new FakeDevice();
  const store: TuningStore = {
    load: () => Promise.resolve("{ not JSON"),
    save: () => Promise.reject(new Error("No space is left.")),
  };
  const result = await device.tuning(store).choose(
    "product",
    "",
    device.candidates({ a: 2, b: 1 }),
  );
  assertEquals([result.choice, result.source], ["b", "measured"]);
  assertEquals(result.notes.length, 2);
  assert(result.notes[1].endsWith("No space is left."));
});

Deno.test("switched off, everything is the default, and stores are not asked", async () => {
  const device = new FakeDevice(), store = memoryStore();
  await device.tuning(store).choose("product", "", device.candidates({ a: 2, b: 1 }));
  const before = device.runs.length;
  const tuning = device.tuning(store, false);
  const result = await tuning.choose("product", "", device.candidates({ a: 2, b: 1 }));
  assertEquals([result.choice, result.source, result.ms], ["a", "default", {}]);
  assertEquals(tuning.get("product", ""), 2);
  assertEquals(device.runs.length, before);
});

Deno.test("a value may be forced for a while, whatever was chosen", async () => {
  const device = new FakeDevice(), tuning = device.tuning();
  await tuning.choose("product", "", device.candidates({ a: 2, b: 1 }));
  assertEquals(tuning.using("product", 7, () => tuning.get("product", "")), 7);
  assertEquals(tuning.get("product", ""), 1);
});

Deno.test("the store of a browser writes to localStorage", async () => {
  const items = new Map<string, string>();
  const store = browserTuningStore({
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  });
  assertEquals(await store.load("key"), undefined);
  await store.save("key", "value");
  assertEquals(await store.load("key"), "value");
  assertEquals([...items.keys()], ["cutloss tuning key"]);
});

Deno.test("a refused kernel leaves the device usable, and real kernels are measured", async () => {
  using gpu = await Gpu.open();
  const fill = defineKernel("fill_with", ({ value }: { value: string }) => ({
    bindings: { y: "write array<f32>" },
    workgroup: [1, 1, 1],
    code: `@compute @workgroup_size(1) fn main() { y[0] = ${value}; }`,
  }));
  using y = gpu.zeros([4]);
  const candidate = (value: string): Candidate<string> => {
    const kernel = fill({ value });
    return { name: value, value, kernel, run: () => gpu.run(kernel, { y }, {}, [1]) };
  };
  const candidates = ["1.0", "no_such_name", "2.0"].map(candidate);
  const result = await gpu.tuning.choose("fill", "", candidates);
  assertEquals(Object.keys(result.ms), ["1.0", "2.0"]);
  assert(Object.values(result.ms).every((ms) => ms > 0));
  assert(result.notes[0].includes('"fill_with" was refused'), result.notes[0]);
  assert([1, 2].includes((await y.read())[0]), "what ran last is one of the two");
});
