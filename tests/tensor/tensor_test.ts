import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GpuError } from "../../lib/gpu/errors.ts";
import { crossEntropy } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const gpu = await Gpu.open();

Deno.test("integers on the host are those on the device, or not there", async () => {
  using targets = gpu.tensor(Int32Array.of(-100, 1));
  using alias = targets.alias();
  using logits = gpu.tensor([1, 2, 3, 3, 2, 1], [2, 3]);
  gpu.write(targets, Int32Array.of(2, 1));
  assertEquals([...targets.hostInts!], [2, 1]);
  // The other handle does not know what was written.
  assertEquals(alias.hostInts, undefined);
  using source = gpu.tensor(Int32Array.of(1, 1));
  gpu.copy(source, targets, 8);
  assertThrows(() => crossEntropy(logits, targets), TypeError, "has no copy of its integers");
  assertEquals([...await targets.readInts()], [1, 1]);
});

Deno.test("three halves are cleared, copied and written, but not a part that ends between fours", async () => {
  using a = gpu.tensor(Float16Array.of(1, 2, 3));
  using b = gpu.zeros([3], { dtype: "f16" });
  gpu.copy(a, b, 6);
  assertEquals([...await b.read()], [1, 2, 3]);
  gpu.clear(b);
  assertEquals([...await b.read()], [0, 0, 0]);
  using long = gpu.tensor(Float16Array.of(1, 2, 3, 4, 5));
  const message = "expected a multiple of 4, or all";
  assertThrows(() => gpu.write(long, Float16Array.of(7)), GpuError, message);
  assertThrows(() => gpu.copy(a, long, 6), GpuError, message);
  gpu.write(long, Float16Array.of(8, 9));
  assertEquals([...await long.read()], [8, 9, 3, 4, 5]);
  const { memory } = long;
  assertThrows(() => gpu.copy(memory.slice(0, 4), memory.slice(4, 4), 4), GpuError, "both lie in");
});

Deno.test("tensors are made from numbers, typed arrays, zeros and equal values", async () => {
  using a = gpu.tensor([1, 2, 3]);
  using b = gpu.tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], { label: "b" });
  using c = gpu.tensor(Int32Array.of(4, 5));
  using d = gpu.zeros([2, 2]);
  using e = gpu.full([], 7);
  using f = gpu.tensor([3], []);
  assertEquals([a.shape, a.dtype, a.size, a.bytes], [[3], "f32", 3, 12]);
  assertEquals([b.shape, b.label, [...await b.read()]], [[2, 3], "b", [1, 2, 3, 4, 5, 6]]);
  assertEquals([c.dtype, [...await c.readInts()]], ["i32", [4, 5]]);
  assertEquals([[...await d.read()], await e.item(), await f.item()], [[0, 0, 0, 0], 7, 3]);
  assert(Object.isFrozen(b.shape));
});

Deno.test("numbers of any typed array become f32, bytes and doubles among them", async () => {
  for (const Numbers of [Uint8Array, Int16Array, Uint32Array, Float64Array]) {
    using x = gpu.tensor(Numbers.of(1, 2, 3, 200));
    assertEquals([x.dtype, [...await x.read()]], ["f32", [1, 2, 3, 200]], Numbers.name);
  }
});

Deno.test("elements that are no numbers are refused by their place", () => {
  const rows = [[1, 2], [3, 4]] as unknown as number[];
  for (const shape of [undefined, [2, 2]]) {
    assertThrows(
      () => gpu.tensor(rows, shape),
      TypeError,
      '"tensor" was given an Array as element 0; expected numbers, in one flat array.',
    );
  }
  const wrong: [unknown, string][] = [
    [[1, "2"], '"2" as element 1'],
    [[1, , 3], "undefined as element 1"],
    [[null], "null as element 0"],
    [BigInt64Array.of(1n), "1n as element 0"],
  ];
  for (const [data, what] of wrong) {
    assertThrows(() => gpu.tensor(data as number[]), TypeError, `was given ${what}; expected`);
  }
});

Deno.test("a tensor is written from elements of its type, a slice from any bytes", async () => {
  using floats = gpu.tensor([1, 2], [2], { label: "floats" });
  using ints = gpu.tensor(Int32Array.of(1, 2), [2], { label: "ints" });
  using halves = gpu.tensor(Float16Array.of(1, 2), [2], { label: "halves" });
  const wrong: [Tensor, ArrayBufferView<ArrayBuffer>, string][] = [
    [
      floats,
      Float64Array.of(3),
      'a Float64Array for "floats" of dtype f32; expected a Float32Array',
    ],
    [floats, Int32Array.of(3), "an Int32Array for"],
    [floats, new DataView(new ArrayBuffer(4)), "a DataView for"],
    [floats, [3, 4] as unknown as Float32Array<ArrayBuffer>, "an Array for"],
    [
      ints,
      Float32Array.of(3),
      "dtype i32; expected an Int32Array or Uint32Array (bytes as they are",
    ],
    [halves, Float32Array.of(3), 'for "halves" of dtype f16; expected a Float16Array'],
  ];
  for (const [tensor, data, message] of wrong) {
    assertThrows(() => gpu.write(tensor, data), TypeError, message);
  }
  assertEquals([[...await floats.read()], [...await ints.readInts()]], [[1, 2], [1, 2]]);
  gpu.write(floats, Float32Array.of(3));
  gpu.write(ints, Uint32Array.of(4));
  gpu.write(halves, Float16Array.of(5, 6));
  const [f, h] = await gpu.read([floats, halves]);
  assertEquals([[...f], [...await ints.readInts()], [...h]], [[3, 2], [4, 2], [5, 6]]);
  gpu.write(floats.slice, Uint32Array.of(0x40c00000));
  assertEquals([...await floats.read()], [6, 2]);
});

Deno.test("a shape that does not fit its data, or is none, is named", () => {
  assertThrows(
    () => gpu.tensor([1, 2, 3], [2, 2], { label: "weights" }),
    ShapeError,
    `"weights" was given 3 elements for the shape [2, 2], which has 4.`,
  );
  for (const shape of [[-1], [1.5, 2], [NaN]]) {
    assertThrows(
      () => gpu.zeros(shape, { label: "w" }),
      ShapeError,
      `w has the shape [${shape.join(", ")}]; every length must be a whole number of at least 0.`,
    );
  }
});

Deno.test("a tensor, and what has one, prints in a line each, without the device", () => {
  using weight = gpu.tensor([1, 2], [2, 1], { label: "weight", requiresGrad: true });
  const freed = gpu.zeros([3], { label: "freed" });
  freed.dispose();
  assertEquals(`${weight}`, 'Tensor "weight" [2, 1] f32, requires a gradient');
  assertEquals(Deno.inspect(freed), 'Tensor "freed" [3] f32, freed');
  assertEquals(Deno.inspect({ weight }, { colors: false }), `{ weight: ${weight} }`);
});

Deno.test("reading as another type, or the item of many, is refused in a sentence", async () => {
  using floats = gpu.zeros([2, 3], { label: "floats" });
  using ints = gpu.tensor(Int32Array.of(1), [1], { label: "ints" });
  await assertRejects(() => ints.read(), TypeError, `"ints" is i32: use readInts().`);
  await assertRejects(() => floats.readInts(), TypeError, `"floats" is f32.`);
  await assertRejects(
    () => floats.item(),
    ShapeError,
    `item() needs a tensor of one element; "floats" is [2, 3].`,
  );
  assertThrows(
    () => gpu.tensor(Int32Array.of(1), [1], { requiresGrad: true, label: "ids" }),
    TypeError,
    `Tensor "ids" of dtype i32 cannot require a gradient.`,
  );
});

Deno.test("a freed tensor says who freed it", async () => {
  const x = gpu.tensor([1], [1], { label: "x" });
  x.dispose();
  x.dispose(); // twice is no error
  assert(x.disposed);
  await assertRejects(() => x.read(), Error, `Tensor "x" [1] was freed by dispose().`);
  assertThrows(() => x.alias(), Error, `was freed by dispose().`);
  let inside;
  {
    using _ = gpu.scope();
    inside = gpu.tensor([2], [1], { label: "y" });
  }
  await assertRejects(() => inside.read(), Error, `Tensor "y" [1] was freed by its scope.`);
});

Deno.test("a scope frees what was made in it and not kept, also when something throws", async () => {
  const before = gpu.memory.live;
  using kept = (() => {
    using scope = gpu.scope();
    const kept = scope.keep(gpu.full([2], 5));
    for (let i = 0; i < 5; i++) gpu.zeros([100]);
    return kept;
  })();
  assertEquals(gpu.memory.live, before + 256);
  assertEquals([...await kept.read()], [5, 5]);
  assertThrows(() => {
    using _ = gpu.scope();
    gpu.zeros([100]);
    throw new RangeError("on the way");
  }, RangeError);
  assertEquals(gpu.memory.live, before + 256);
});

Deno.test("scopes are nested: each tensor belongs to the innermost one", () => {
  const before = gpu.memory.live;
  {
    using _outer = gpu.scope();
    const a = gpu.zeros([4]);
    {
      using inner = gpu.scope();
      gpu.zeros([4]);
      inner.keep(gpu.zeros([4])).dispose();
    }
    assert(!a.disposed);
    assertEquals(gpu.memory.live, before + 256);
  }
  assertEquals(gpu.memory.live, before);
});

Deno.test("an alias shares memory, has a shape of its own, and keeps the memory alive", async () => {
  const before = gpu.memory.live;
  const x = gpu.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  using y = x.alias([3, 2]);
  assert(x.shared && y.shared);
  assertEquals(gpu.memory.live, before + 256, "counted once");
  x.dispose();
  assertEquals([y.shared, y.shape, [...await y.read()]], [false, [3, 2], [1, 2, 3, 4, 5, 6]]);
  y.dispose();
  assertEquals(gpu.memory.live, before);
});

Deno.test("using frees at the end of the block", () => {
  const before = gpu.memory.live;
  {
    using x = gpu.zeros([1000]);
    assertEquals(gpu.memory.live, before + 4096);
    void x;
  }
  assertEquals(gpu.memory.live, before);
});

Deno.test("memory of tensors that were forgotten comes back with the garbage collector", async () => {
  using gpu = await Gpu.open();
  (() => {
    for (let i = 0; i < 50; i++) gpu.zeros([100]);
  })();
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  for (let i = 0; i < 20 && gpu.memory.live > 0; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(gpu.memory.live, 0);
});
