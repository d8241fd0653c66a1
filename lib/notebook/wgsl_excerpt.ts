/**
 * A part of a generated kernel, laid out to be read: one statement a line, indented by braces.
 *
 * Kernels here are unrolled by the text that makes them, which compilers like and readers do not.
 *
 * ```ts
 * import { wgslExcerpt } from "cutloss/notebook/wgsl_excerpt.ts";
 *
 * wgslExcerpt("fn main() { let a = 1; for (var i = 0u; i < 4u; i++) { b += a; } }", "for (", "}");
 * // for (var i = 0u; i < 4u; i++) {
 * //   b += a;
 * // }
 * ```
 *
 * @param from where the part begins: its first occurrence
 * @param to where it ends: the first occurrence after the beginning that closes all open braces
 * @throws Error if there is no such part
 */
export function wgslExcerpt(code: string, from: string, to: string): string {
  const start = code.indexOf(from);
  if (start < 0) throw new Error(`wgslExcerpt: "${from}" does not occur in the kernel.`);
  for (let at = code.indexOf(to, start); at >= 0; at = code.indexOf(to, at + 1)) {
    const part = code.slice(start, at + to.length);
    if (count(part, "{") === count(part, "}")) return layOut(part);
  }
  throw new Error(`wgslExcerpt: "${to}" does not follow "${from}" in the kernel.`);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function layOut(code: string): string {
  const lines: string[] = [];
  let depth = 0, parentheses = 0, line = "";
  const push = () => {
    if (line.trim()) lines.push("  ".repeat(depth) + line.trim());
    line = "";
  };
  for (const character of code.replace(/\s+/g, " ")) {
    if (character === "}") {
      push();
      depth--;
    }
    line += character;
    if (character === "(") parentheses++;
    else if (character === ")") parentheses--;
    else if (character === "{") {
      push();
      depth++;
    } else if (character === "}" || (character === ";" && parentheses === 0)) push();
  }
  push();
  return lines.join("\n");
}
