import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  openSafetensors,
  readSafetensors,
  SafetensorsError,
  type TensorToWrite,
  writeSafetensors,
} from "../../lib/hub/safetensors.ts";

const FIXTURES = new URL("../fixtures/safetensors/", import.meta.url).pathname;
const REFERENCE = `${FIXTURES}reference.safetensors`;
const PLAIN = `${FIXTURES}plain.safetensors`;
const VALUES = JSON.parse(
  await Deno.readTextFile(`${FIXTURES}reference.json`),
) as { tensors: Record<string, { shape: number[]; values: string[] }> };

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a file by Hugging Face's library is read with its shapes and values", async () => {
  const tensors = await readSafetensors(REFERENCE);
  assertEquals([...tensors.keys()].sort(), Object.keys(VALUES.tensors).sort());
  for (const [name, { shape, values }] of Object.entries(VALUES.tensors)) {
    assertEquals(tensors.get(name)!.shape, shape, name);
    const expected = values.map((v) => Number(v.replace("inf", "Infinity")));
    assertEquals(Array.from(tensors.get(name)!.data, Number), expected, name);
  }
});

Deno.test("half precision is widened to f32, other dtypes keep their arrays", async () => {
  using file = await openSafetensors(REFERENCE);
  assert(file.read("half").data instanceof Float32Array);
  assert(file.read("brain").data instanceof Float32Array);
  assert(file.read("position_ids").data instanceof BigInt64Array);
  assert(file.read("mask").data instanceof Uint8Array);
  assertEquals(file.metadata.format, "pt");
});

Deno.test("a rewritten file has the bytes that Hugging Face's library wrote", async () => {
  await inFolder(async (folder) => {
    const tensors = new Map<string, TensorToWrite>(await readSafetensors(PLAIN));
    tensors.set("half", { ...tensors.get("half")!, dtype: "F16" });
    tensors.set("mask", { ...tensors.get("mask")!, dtype: "BOOL" });
    await writeSafetensors(`${folder}/ours`, tensors);
    assertEquals(await Deno.readFile(`${folder}/ours`), await Deno.readFile(PLAIN));
  });
});

Deno.test("tensors may be fetched one at a time while writing", async () => {
  await inFolder(async (folder) => {
    const fetched: string[] = [];
    const lazily = (name: string) => ({
      shape: [2],
      data: () => {
        fetched.push(name);
        return Promise.resolve(new Float32Array([1, 2]));
      },
    });
    await writeSafetensors(`${folder}/x`, { b: lazily("b"), a: lazily("a") });
    assertEquals(fetched, ["a", "b"]);
    assertEquals((await readSafetensors(`${folder}/x`)).get("b")!.data, new Float32Array([1, 2]));
  });
});

Deno.test("a failed write leaves the former file and no temporary one", async () => {
  await inFolder(async (folder) => {
    await writeSafetensors(`${folder}/x`, { a: { shape: [1], data: new Float32Array([7]) } });
    const failing = { a: { shape: [3], data: new Float32Array([7]) } };
    const error = await assertRejects(() => writeSafetensors(`${folder}/x`, failing), TypeError);
    assertStringIncludes(error.message, 'Tensor "a" has 1 elements, but its shape [3] needs 3.');
    assertEquals((await readSafetensors(`${folder}/x`)).get("a")!.data, new Float32Array([7]));
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), ["x"]);
  });
});

/** A file with this header and so many bytes of data. */
function fileOf(header: unknown, dataBytes: number, announced?: bigint): Uint8Array {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, announced ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const f32 = (shape: unknown, begin: number, end: number, dtype: unknown = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const REFUSED: [string, Uint8Array, string][] = [
  ["an empty file", new Uint8Array(0), "too short"],
  ["a file of seven bytes", new Uint8Array(7), "too short"],
  ["an absurd header length", fileOf("{}", 0, 1n << 62n), "announces a header of"],
  ["a header longer than the file", fileOf("{}", 0, 90n), "truncated"],
  ["a header of length 0", fileOf("", 0), 'does not begin with "{"'],
  ["a header that is a list", fileOf("[]", 0), 'does not begin with "{"'],
  ["a header that is broken JSON", fileOf('{"a":', 0), "not UTF-8 JSON"],
  ["an entry that is no object", fileOf({ a: 3 }, 0), "is not an object"],
  ["an entry that is null", fileOf({ a: null }, 0), "is not an object"],
  ["metadata that is no string", fileOf({ __metadata__: { a: 1 } }, 0), "__metadata__.a"],
  ["an unknown dtype", fileOf({ a: f32([1], 0, 4, "F31") }, 4), 'dtype "F31"'],
  ["a dtype that names a method", fileOf({ a: f32([1], 0, 4, "toString") }, 4), '"toString"'],
  ["a negative size", fileOf({ a: f32([-1], 0, 4) }, 4), "shape [-1]"],
  ["a fractional size", fileOf({ a: f32([0.5], 0, 2) }, 2), "shape [0.5]"],
  ["a missing shape", fileOf({ a: f32(undefined, 0, 4) }, 4), "shape undefined"],
  ["an overflowing shape", fileOf({ a: f32([2 ** 52, 2 ** 52], 0, 0) }, 0), "needs"],
  ["offsets that disagree with the shape", fileOf({ a: f32([2], 0, 4) }, 4), "needs 8 bytes"],
  ["reversed offsets", fileOf({ a: f32([0], 4, 0) }, 4), "needs 0 bytes"],
  ["negative offsets", fileOf({ a: f32([1], -4, 0) }, 4), "data_offsets [-4,0]"],
  ["offsets beyond the data", fileOf({ a: f32([2], 0, 8) }, 4), "only 4 bytes"],
  ["overlapping tensors", fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), "overlaps"],
  ["two tensors in one place", fileOf({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4), "overlaps"],
  ["a hole", fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), "belong to no tensor"],
  ["a name that stands twice", fileOf('{"a":{},"\\u0061":{}}', 0), 'key "\\u0061" twice'],
  ["an entry that says something twice", fileOf('{"a":{"x":1,"x":"}"}}', 0), 'key "x" twice'],
  ["a byte order mark", fileOf("\ufeff{}", 0), 'does not begin with "{"'],
  ["text that is not UTF-8", fileOf('{"é":1}', 0).map((x) => x === 0xc3 ? 0xff : x), "UTF-8"],
  ["metadata that is a list", fileOf({ __metadata__: [] }, 0), "__metadata__ is not an object"],
  ["an offset of 2⁵³", fileOf({ a: f32([0], 2 ** 53, 2 ** 53) }, 0), "data_offsets"],
  ["an offset that is a fraction", fileOf({ a: f32([1], 0.5, 4.5) }, 5), "data_offsets [0.5,4.5]"],
  ["a shape that is no number", fileOf('{"a":{"dtype":"F32","shape":[NaN]}}', 0), "JSON"],
  ["bytes after the last tensor", fileOf({ a: f32([1], 0, 4) }, 9), "5 bytes at the end"],
];

for (const [what, bytes, why] of REFUSED) {
  Deno.test(`safetensors: ${what} is refused with a sentence`, async () => {
    await inFolder(async (folder) => {
      await Deno.writeFile(`${folder}/bad.safetensors`, bytes);
      const error = await assertRejects(
        () => openSafetensors(`${folder}/bad.safetensors`),
        SafetensorsError,
        why,
      );
      assertStringIncludes(error.message, "bad.safetensors");
    });
  });
}

Deno.test("every truncation of a good file is refused", async () => {
  const whole = await Deno.readFile(REFERENCE);
  await inFolder(async (folder) => {
    for (let length = 0; length < whole.length; length += 7) {
      await Deno.writeFile(`${folder}/x`, whole.subarray(0, length));
      await assertRejects(() => openSafetensors(`${folder}/x`), SafetensorsError);
    }
  });
});

Deno.test("reading a tensor that is absent or of the wrong dtype says what there is", async () => {
  using file = await openSafetensors(REFERENCE);
  assertThrows(() => file.read("wpe.weight"), SafetensorsError, 'no tensor "wpe.weight"');
  assertThrows(
    () => file.readFloat32("position_ids"),
    SafetensorsError,
    "dtype I64, expected F32, F16 or BF16",
  );
});
