/**
 * Two matrix products that do not depend on each other, in one dispatch: the gradients of the operands of
 * another one.
 *
 * Why: a dispatch that depends on the one before it takes 5 to 10 µs, and at a product's end processors
 * are idle until its last workgroups are done. Different kernels do not share a processor. Workgroups of
 * the second product start as soon as the first one's leave a place, so there is one end for both
 * (chunked gradients of GPT-2's vocabulary, NVIDIA H200: 40.4 ms for 40.8). It does not always pay: see
 * lib/tensor/product_pair.ts.
 *
 * Work: each workgroup does what one of kernels/matmul.ts would. The one whose workgroups take longer
 * should be the first: short ones fill the end better (the other way round: 41.6 ms).
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, type ParamType, wgsl } from "./kernel.ts";
import { type MatmulConstants, matmulSource } from "./matmul.ts";
import { tileThreads } from "./tile.ts";

/** Compile-time constants of products that can be one of a pair: what gradients need. */
export type PairedConstants = Pick<
  MatmulConstants,
  | "tile"
  | "transposeA"
  | "transposeB"
  | "vectorA"
  | "vectorB"
  | "vectorY"
  | "wholeSteps"
  | "parts"
  | "accumulate"
  | "scaled"
>;

/** Behind the names of bindings and params of the first product, and of the second. */
export const PAIR: readonly [string, string] = ["First", "Second"];

/** Two products with the same tile. */
export const matmulPair = defineKernel(
  "matmul_pair",
  ({ pair }: { pair: readonly [PairedConstants, PairedConstants] }) => {
    const { tile } = pair[0];
    const sources = pair.map((constants, i) => matmulSource(constants, PAIR[i]));
    const sizes = Object.entries(sources[0].params);
    const params: Record<string, ParamType> = {};
    sources.forEach((source, i) => {
      for (const [name, type] of Object.entries(source.params)) params[name + PAIR[i]] = type;
    });
    const threads = tileThreads(tile);
    /** WGSL of a product, by the `index`-th of its workgroups. */
    const product = (i: number) =>
      wgsl`
    let params = Sizes(${sizes.map(([name]) => `params.${name}${PAIR[i]}`).join(", ")});
    let across = (params.m + ${tile.m - 1}u) / ${tile.m}u;
    let down = (params.n + ${tile.n - 1}u) / ${tile.n}u;
    let column = index / across;
    let slice = ${pair[i].parts ? "column / down" : "0u"};
    let group = vec3u(index - column * across, column - slice * down, slice);
    ${sources[i].body}`;
    return {
      bindings: { ...sources[0].bindings, ...sources[1].bindings },
      params: {
        ...params,
        /** Workgroups of the first product, and of both. */
        firstCount: "u32",
        count: "u32",
      },
      workgroup: [threads, 1, 1],
      tile: { m: tile.m, n: tile.n, k: tile.k },
      code: wgsl`
struct Sizes { ${sizes.map(([name, type]) => `${name}: ${type}`).join(", ")} }
${sources[0].declarations}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.count) { return; }
  if (row < params.firstCount) {
    let index = row;
    ${product(0)}
  } else {
    let index = row - params.firstCount;
    ${product(1)}
  }
}`,
    };
  },
);
