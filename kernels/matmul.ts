/**
 * Y = alpha · A · B (+ bias) (+ Y), batched, in the four orientations.
 *
 * Shapes: A is M × K, B is K × N, Y is M × N. Each may be stored either way round: with
 * `transposeA` A lies in memory as [K, M], with `transposeB` B lies as [N, K]. Memory rows may be
 * longer than the matrix (`strideA`, … in elements).
 *
 * Work: 2·M·N·K operations. A workgroup computes a tile of Y (see tile.ts); the grid is
 * [M tiles, N tiles, batch or parts]. Neighbouring workgroups share their columns of B and go
 * through all rows of A, which stay in the cache. Bytes: A is read N / tile.n times, B M / tile.m.
 *
 * Where B is f16, it is widened to f32 as it is loaded. Where A is f16 too, products are f16, summed by
 * steps (see tile.ts). `checked`: an element whose sum overflowed or is no number becomes 3e38, after
 * the activation, which might hide it.
 *
 * `exponentials`: Y becomes exp(Y − r) with a reference r for each row, see exponentials.ts, zeros in what
 * follows its columns up to `params.written`.
 *
 * When M · N has too few tiles to fill the device, K is cut into parts. The first one's product goes to Y,
 * those of the others lie side by side; kernels/sum_parts.ts adds them in order. No atomics: same bits
 * every run.
 */
import { type BindingType, defineKernel, type ParamType, wgsl } from "./kernel.ts";
import { endOfProduct } from "./matmul_store.ts";
import {
  arrayOf,
  declareAccumulators,
  multiplyHalfStep,
  multiplyStep,
  operandStaging,
  threadIndex,
  type TileShape,
  tileThreads,
} from "./tile.ts";
import { DirectTile } from "./tile_direct.ts";
import { type Operand, tileLoader } from "./tile_loader.ts";

/** What is done to a product before it is written. */
export type Activation = "none" | "gelu" | "gelu_tanh" | "relu" | "tanh" | "softcap";

/** Compile-time constants of a matrix product. */
export interface MatmulConstants {
  tile: TileShape;
  transposeA: boolean;
  transposeB: boolean;
  /** Whether memory rows of A, B and Y are multiples of four elements. */
  vectorA: boolean;
  vectorB: boolean;
  vectorY: boolean;
  /** Whether A and B are f16; A alone cannot be. */
  half?: "b" | "both";
  /** Whether K is a multiple of tile.k. */
  wholeSteps?: boolean;
  /** Adds a bias to every column. */
  bias?: boolean;
  /** Applied after the bias. */
  activation?: Activation;
  /** Whether K is cut: the first part goes to Y, others to where they wait to be added. */
  parts?: boolean;
  /** Adds what Y holds already. */
  accumulate?: boolean;
  /** Adds another matrix, of Y's layout, last. */
  residual?: boolean;
  /** Marks sums that are not finite. */
  checked?: boolean;
  /** Multiplies every row with a factor of its own. */
  scaled?: boolean;
  /** Stores exponentials, marked where not finite, and sums of them. */
  exponentials?: boolean;
}

/** What a kernel that makes a product consists of. */
interface MatmulSource {
  bindings: Record<string, BindingType>;
  params: Record<string, ParamType>;
  /** WGSL outside of the entry point. */
  declarations: string;
  /** WGSL that makes the tile `group`, by the thread `lid`. */
  body: string;
}

/**
 * The pieces of a kernel that makes a product.
 *
 * @param own behind the names of the bindings, where a kernel makes more than one product.
 */
export function matmulSource(c: MatmulConstants, own = ""): MatmulSource {
  const { tile } = c;
  const halfB = c.half !== undefined, half = c.half === "both";
  const a: Operand = {
    binding: `a${own}`,
    order: c.transposeA ? "mn" : "k",
    vector: c.vectorA,
    half,
    base: "baseA",
    stride: "params.strideA",
  };
  const b: Operand = {
    binding: `b${own}`,
    order: c.transposeB ? "k" : "mn",
    vector: c.vectorB,
    half: halfB,
    base: "baseB",
    stride: "params.strideB",
  };
  const staged = tileLoader(tile, a, b, c.wholeSteps ?? false);
  const direct = tile.direct ? new DirectTile(tile, a, b, c.wholeSteps ?? false) : undefined;
  const end = endOfProduct(c, own);
  const bindings: Record<string, BindingType> = {
    a: `read ${arrayOf(c.vectorA, half)}`,
    b: `read ${arrayOf(c.vectorB, halfB)}`,
    y: `write ${arrayOf(c.vectorY)}`,
    ...(c.parts ? { parts: `write ${arrayOf(c.vectorY)}` as const } : {}),
    ...(c.bias ? { bias: "read array<f32>" as const } : {}),
    ...(c.residual ? { residual: `read ${arrayOf(c.vectorY)}` as const } : {}),
    ...(c.scaled ? { scales: "read array<f32>" as const } : {}),
    ...(c.exponentials
      ? { reference: "read array<f32>" as const, sums: "write array<vec4f>" as const }
      : {}),
  };
  return {
    bindings: Object.fromEntries(
      Object.entries(bindings).map(([name, type]) => [`${name}${own}`, type]),
    ),
    params: {
      m: "u32",
      n: "u32",
      k: "u32",
      strideA: "u32",
      strideB: "u32",
      strideY: "u32",
      batchA: "u32",
      batchB: "u32",
      batchY: "u32",
      /** How many k a part has: whole steps of any tile. */
      partK: "u32",
      alpha: "f32",
      cap: "f32",
      ...(c.exponentials
        ? {
          /** Columns of Y that are written: those beyond its own are zeros. */
          written: "u32" as const,
          /** Fours from one sum of a row to the next, and place among them of this product's first. */
          sumStride: "u32" as const,
          firstSum: "u32" as const,
        }
        : {}),
    },
    declarations: wgsl`
${direct ? "" : operandStaging("stageA", tile.k, tile.m, half)}
${direct ? "" : operandStaging("stageB", tile.k, tile.n, half)}
${end.declarations}`,
    body: wgsl`
  ${threadIndex(tile)}
  let m0 = group.x * ${tile.m}u;
  let n0 = group.y * ${tile.n}u;
  let batch = ${c.parts ? "0u" : "group.z"};
  let part = ${c.parts ? "group.z" : "0u"};
  let baseA = batch * params.batchA;
  let baseB = batch * params.batchB;
  let baseY = ${c.parts ? "(max(part, 1u) - 1u)" : "batch"} * params.batchY;
  let steps = (params.k + ${tile.k - 1}u) / ${tile.k}u;
  let first = part * (params.partK / ${tile.k}u);
  let last = min(steps, first + params.partK / ${tile.k}u);
  ${declareAccumulators(tile, half)}
  ${
      direct
        ? wgsl`${direct.declare()}
  ${direct.aim("m0", "n0")}
  for (var step = first; step < last; step++) { ${direct.step("step", "params.k")} }`
        : wgsl`${staged.declare()}
  ${staged.aim("m0", "n0")}
  ${staged.load("first", "params.k")}
  for (var step = first; step < last; step++) {
    ${staged.store()}
    workgroupBarrier();
    // After the last step this reads what nobody uses, which costs less than a condition.
    ${staged.load("(step + 1u)", "params.k")}
    ${half ? multiplyHalfStep(tile, "step", "step + 1u == last") : multiplyStep(tile)}
    workgroupBarrier();
  }`
    }
  ${end.store}`,
  };
}

export const matmul = defineKernel("matmul", (c: MatmulConstants) => {
  const { tile } = c, { bindings, params, declarations, body } = matmulSource(c);
  return {
    bindings,
    params,
    workgroup: [tileThreads(tile), 1, 1],
    tile: { m: tile.m, n: tile.n, k: tile.k },
    f16: c.half !== undefined,
    code: wgsl`${declarations}
@compute @workgroup_size(${tileThreads(tile)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${body}
}`,
  };
});
