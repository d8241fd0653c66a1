/**
 * The header of a safetensors file: parsed with suspicion, written as the reference library does.
 *
 * A file is `u64 N (little endian) | N bytes of JSON | data`. The JSON maps each tensor's name to
 * its dtype, shape and `data_offsets`, which count from the first byte after the JSON; the key
 * `__metadata__` holds strings about the file. Rules and limits follow the reference library
 * (huggingface/safetensors): ≤ 100 MB of JSON that begins with `{`, the tensors cover the data
 * without holes or overlaps.
 */

/** A dtype's name as it stands in the file. */
export type SafetensorsDtype =
  | "F64"
  | "I64"
  | "U64"
  | "F32"
  | "I32"
  | "U32"
  | "F16"
  | "BF16"
  | "I16"
  | "U16"
  | "F8_E4M3"
  | "F8_E5M2"
  | "I8"
  | "U8"
  | "BOOL";

/** Bytes per element of every dtype that is known here. */
export const BYTES_PER_ELEMENT: Readonly<Record<SafetensorsDtype, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Where one tensor lies. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data. */
  readonly begin: number;
  /** One past the last byte, counted from the start of the data. */
  readonly end: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The largest header that the reference library accepts, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Thrown for a file that is not a well-formed safetensors file; the message names the file and why. */
export class SafetensorsError extends Error {
  override name = "SafetensorsError";
}

/**
 * Reads the length of the header out of a file's first eight bytes.
 *
 * @param start the first bytes of the file; fewer than 8 if the file is shorter
 * @param fileBytes the length of the whole file in bytes
 * @param source how errors name the file
 */
export function headerLength(start: Uint8Array, fileBytes: number, source: string): number {
  if (start.length < 8) {
    throw new SafetensorsError(
      `${source} is too short for a safetensors file: ${start.length} bytes, at least 8 expected.`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new SafetensorsError(
      `${source} announces a header of ${length} bytes, more than the ${MAX_HEADER_BYTES} allowed: ` +
        "it is damaged or no safetensors file.",
    );
  }
  if (length > BigInt(fileBytes - 8)) {
    throw new SafetensorsError(
      `${source} is truncated: its header should have ${length} bytes, but only ` +
        `${fileBytes - 8} bytes follow the length.`,
    );
  }
  return Number(length);
}

/**
 * Parses a header and checks everything that later reads rely on.
 *
 * @param json the header's bytes
 * @param dataBytes how many bytes of data follow the header in the file
 * @param source how errors name the file
 * @throws SafetensorsError if the JSON is malformed, a dtype unknown, a shape impossible, or if
 *   the tensors overlap, leave holes or reach outside the data
 */
export function parseHeader(
  json: Uint8Array,
  dataBytes: number,
  source: string,
): SafetensorsHeader {
  const refuse = (why: string): never => {
    throw new SafetensorsError(`${source} is no valid safetensors file: ${why}.`);
  };
  if (json[0] !== 0x7b) refuse('its header does not begin with "{"');
  let value: unknown, text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(json);
    value = JSON.parse(text);
  } catch (error) {
    refuse(`its header is not UTF-8 JSON (${(error as Error).message})`);
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) refuse(`its header has the key ${twice} twice in one object`);
  const entries: SafetensorsEntry[] = [];
  const metadata: Record<string, string> = Object.create(null);
  for (const [name, description] of Object.entries(value as object)) {
    if (name === "__metadata__") {
      const given = description ?? {}; // the reference library takes null for nothing
      if (!isRecord(given)) return refuse("__metadata__ is not an object");
      for (const [key, text] of Object.entries(given)) {
        if (typeof text !== "string") return refuse(`__metadata__.${key} is not a string`);
        metadata[key] = text;
      }
    } else {
      entries.push(parseEntry(name, description, refuse));
    }
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let reached = 0;
  let previous = "the start of the data";
  for (const entry of entries) {
    const { begin, end } = entry;
    if (begin < reached) {
      refuse(`tensor "${entry.name}" starts at byte ${begin} and overlaps ${previous}`);
    }
    if (begin > reached) {
      refuse(
        `${begin - reached} bytes between ${previous} and "${entry.name}" belong to no tensor`,
      );
    }
    if (end > dataBytes) {
      refuse(
        `tensor "${entry.name}" ends at byte ${end}, but the file has only ${dataBytes} bytes of ` +
          "data (is it truncated?)",
      );
    }
    reached = end;
    previous = `"${entry.name}", which ends at byte ${end}`;
  }
  if (reached !== dataBytes) {
    refuse(`${dataBytes - reached} bytes at the end of the data belong to no tensor`);
  }
  return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

/**
 * The first key that an object of this (well-formed) JSON has twice: `JSON.parse` keeps the last and
 * says nothing, other readers the first.
 */
function repeatedKey(json: string): string | undefined {
  const keys: Set<string>[] = [];
  for (const [token, string] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") keys.push(new Set());
    else if (token === "}") keys.pop();
    else if (string) {
      const key: string = JSON.parse(string), seen = keys[keys.length - 1];
      if (seen.has(key)) return string;
      seen.add(key);
    }
  }
}

function parseEntry(
  name: string,
  description: unknown,
  refuse: (why: string) => never,
): SafetensorsEntry {
  if (!isRecord(description)) return refuse(`the entry of tensor "${name}" is not an object`);
  const { dtype, shape, data_offsets: offsets } = description;
  if (typeof dtype !== "string" || !Object.hasOwn(BYTES_PER_ELEMENT, dtype)) {
    return refuse(
      `tensor "${name}" has dtype ${JSON.stringify(dtype)}, expected one of ` +
        Object.keys(BYTES_PER_ELEMENT).join(", "),
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return refuse(
      `tensor "${name}" has shape ${JSON.stringify(shape)}, expected a list of whole numbers ≥ 0`,
    );
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return refuse(
      `tensor "${name}" has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, 1) *
    BYTES_PER_ELEMENT[dtype as SafetensorsDtype];
  if (end - begin !== bytes) {
    return refuse(
      `tensor "${name}" occupies bytes ${begin} to ${end}, but ${dtype} of shape ` +
        `[${shape.join(", ")}] needs ${bytes} bytes`,
    );
  }
  return { name, dtype: dtype as SafetensorsDtype, shape, begin, end };
}

/**
 * The bytes that precede the data: length and JSON, padded with spaces to a multiple of 8 so that
 * the data is aligned. Byte for byte what the reference library writes for these entries.
 *
 * @param entries in the order of their offsets
 */
export function encodeHeader(
  entries: readonly SafetensorsEntry[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", metadata]);
  for (const { name, dtype, shape, begin, end } of entries) {
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // Written by hand because an object would reorder names that look like numbers.
  const text = "{" +
    header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",") + "}";
  const json = new TextEncoder().encode(text);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
