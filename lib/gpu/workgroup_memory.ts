/**
 * How much workgroup memory a kernel declares.
 *
 * WebGPU limits it, but not every implementation checks (wgpu, which Deno uses, does not): a kernel
 * that takes more than the device has then hangs instead of being refused.
 */

/** Size and alignment in bytes. */
interface Layout {
  size: number;
  align: number;
}

const SCALARS: Record<string, number> = { f32: 4, i32: 4, u32: 4, bool: 4, f16: 2 };

/**
 * Bytes of all `var<workgroup>` in WGSL, laid out as the specification says (WGSL, "Memory Layout"),
 * each at a multiple of 16. Sizes of arrays must be written as numbers. A type it does not know counts
 * nothing.
 */
export function workgroupBytes(code: string): number {
  const source = code.replaceAll(/\/\/.*$/gm, "");
  const structs = new Map<string, string[]>();
  for (const [, name, body] of source.matchAll(/\bstruct\s+(\w+)\s*\{([^}]*)\}/g)) {
    structs.set(name, splitAtCommas(body).map((field) => field.slice(field.indexOf(":") + 1)));
  }
  let bytes = 0;
  for (const [, type] of source.matchAll(/\bvar<workgroup>\s+\w+\s*:\s*([^;]+);/g)) {
    bytes = roundUp(bytes, 16) + layoutOf(type, structs).size;
  }
  return bytes;
}

function layoutOf(type: string, structs: Map<string, string[]>): Layout {
  const text = type.trim().replace(/^(?:@\w+\([^)]*\)\s*)+/, "");
  const scalar = SCALARS[text];
  if (scalar) return { size: scalar, align: scalar };
  const [, name, inside] = /^(\w+)\s*(?:<(.*)>)?$/s.exec(text) ?? [];
  const vector = /^vec([234])(f|i|u|h)?$/.exec(name ?? "");
  if (vector) {
    const count = Number(vector[1]);
    const element = vector[2] === "h" ? 2 : vector[2] ? 4 : SCALARS[inside?.trim() ?? ""] ?? 4;
    return { size: count * element, align: (count === 3 ? 4 : count) * element };
  }
  if (name === "atomic") return { size: 4, align: 4 };
  if (name === "array" && inside) {
    const [element, count] = splitAtCommas(inside);
    const { size, align } = layoutOf(element, structs);
    return { size: roundUp(size, align) * (parseInt(count ?? "") || 0), align };
  }
  const fields = structs.get(name ?? "");
  if (!fields) return { size: 0, align: 1 };
  let size = 0, align = 1;
  for (const field of fields) {
    const layout = layoutOf(field, structs);
    size = roundUp(size, layout.align) + layout.size;
    align = Math.max(align, layout.align);
  }
  return { size: roundUp(size, align), align };
}

/** The parts between the commas that are in no brackets. */
function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let depth = 0, start = 0;
  for (let i = 0; i < text.length; i++) {
    if ("<(".includes(text[i])) depth++;
    else if (">)".includes(text[i])) depth--;
    else if (text[i] === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

function roundUp(x: number, to: number): number {
  return Math.ceil(x / to) * to;
}
