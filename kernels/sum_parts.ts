/**
 * y[i] += Σ_p parts[p · count + i]: adds partial products in order, an element or, with `vector`, four of
 * them. All are on their way before the first is added.
 *
 * Bytes: 4 read an element and part, 8 an element. One invocation an element, or four.
 */
import { elementIndex } from "./grid.ts";
import { type BindingType, defineKernel, unroll, wgsl } from "./kernel.ts";

/**
 * WGSL that adds them to element i of y.
 *
 * @param parts WGSL of the array they are in; `count` of how many elements each has.
 */
export function addParts(n: number, parts: string, y: string, count: string): string {
  return wgsl`var sum = ${y}[i];
  ${unroll(n, (p) => `let part${p} = ${parts}[${p}u * ${count} + i];`)}
  ${unroll(n, (p) => `sum += part${p};`)}
  ${y}[i] = sum;`;
}

export const sumParts = defineKernel(
  "sum_parts",
  ({ parts, vector }: { parts: number; vector: boolean }) => {
    const element = vector ? "array<vec4f>" as const : "array<f32>" as const;
    return {
      bindings: { parts: `read ${element}` as const, y: `write ${element}` as const },
      params: { count: "u32" },
      workgroup: [256, 1, 1],
      code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.count) { return; }
  ${addParts(parts, "parts", "y", "params.count")}
}`,
    };
  },
);

/**
 * The same for several results at a time: `{name}` += Σ `parts_of_{name}`, as attention_gradient.ts
 * leaves them.
 *
 * @param counts how many parts each result has, by its name; `count_of_{name}` how many elements, in
 * fours with `vector`.
 */
export const sumAllParts = defineKernel(
  "sum_all_parts",
  ({ counts, vector }: { counts: Readonly<Record<string, number>>; vector: boolean }) => {
    const names = Object.keys(counts), element = vector ? "array<vec4f>" : "array<f32>";
    return {
      bindings: Object.fromEntries(
        names.flatMap((name) => [
          [`parts_of_${name}`, `read ${element}`] as [string, BindingType],
          [name, `write ${element}`],
        ]),
      ),
      params: Object.fromEntries(names.map((name) => [`count_of_${name}`, "u32" as const])),
      workgroup: [256, 1, 1],
      code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  ${
        names.map((name) =>
          `if (i < params.count_of_${name}) { ${name}[i] = ${
            Array.from(
              { length: counts[name] },
              (_, p) => ` + parts_of_${name}[${p}u * params.count_of_${name} + i]`,
            ).reduce((sum, part) => `(${sum}${part})`, `${name}[i]`)
          }; }`
        )
      }
}`,
    };
  },
);
