/** The products of the attention kernels, from staging to multiplication: see attention_tile.ts. */
import { AttentionLoader, type AttentionOperand } from "./attention_loader.ts";
import type { Accumulators, AttentionCode } from "./attention_tile.ts";
import { join, unroll, wgsl } from "./kernel.ts";

const XYZW = "xyzw";

/** An operand and WGSL of its first memory row. */
export interface Placed {
  operand: AttentionOperand;
  first: string;
  /** WGSL of how long its memory rows are, where not as long as the product is told. */
  length?: string;
}

/** acc(r, c) += Σ_k A(k, r)·B(k, c) for a block; made by {@linkcode scores} or {@linkcode weighted}. */
export interface AttentionProduct {
  acc: Accumulators;
  steps: number;
  loaders: readonly AttentionLoader[];
  /** WGSL that brings `step` of the operands to where they are staged. */
  store: string;
}

/**
 * acc += A·B over `depth`, both operands from device memory, rows along the depth.
 *
 * @param a,b operands and their first rows.
 */
export function scores(
  { tile, threads }: AttentionCode,
  acc: Accumulators,
  depth: number,
  a: Placed,
  b: Placed,
): AttentionProduct {
  const { rows, columns, step } = tile;
  const loadA = new AttentionLoader(a.operand, "stageA", rows, step, threads, depth, a);
  const first = loadA.blocks % threads;
  const loadB = new AttentionLoader(
    b.operand,
    "stageB",
    columns,
    step,
    threads,
    depth,
    b,
    first,
  );
  return {
    acc,
    steps: Math.ceil(depth / step),
    loaders: [loadA, loadB],
    store: `${loadA.store()}\n${loadB.store()}`,
  };
}

/**
 * acc += Wᵀ·B over the columns of the block, W in registers and B from device memory.
 *
 * The columns come in an order in which those of a step are of the same component of the same group in
 * all threads: component after component, in it group after group, in it thread after thread.
 *
 * @param width columns of B that exist.
 * @param b operand (order "mn") and its first memory row.
 * @param weight WGSL of four rows of W: of row group g, in component e of column group j.
 */
export function weighted(
  code: AttentionCode,
  acc: Accumulators,
  width: number,
  b: Placed,
  weight: (g: number, j: number, e: number) => string,
): AttentionProduct {
  const { tile, threads, groups, rowGroups } = code;
  const { columns, step, threadsX, threadsY } = tile;
  const memoryRow = (k: string) => {
    const place = `${k} / ${threadsX}u`;
    return `${b.first} + ${place} % ${groups}u * ${4 * threadsX}u + ${k} % ${threadsX}u * 4u + ` +
      `${place} / ${groups}u`;
  };
  const loadB = new AttentionLoader(
    b.operand,
    "stageB",
    acc.groups * 4 * threadsX,
    step,
    threads,
    width,
    { memoryRow, length: b.length },
  );
  const parts = step / threadsX, steps = columns / step;
  const storeStep = (s: number) =>
    unroll(parts, (part) => {
      const place = s * parts + part;
      return join(rowGroups, " ", (g) =>
        `stageA[tx + ${part * threadsX}u][quadA + ty + ${g * threadsY}u] = ${
          weight(g, place % groups, Math.floor(place / groups))
        };`);
    });
  return {
    acc,
    steps,
    loaders: [loadB],
    store: wgsl`switch step {
${unroll(steps, (s) => `${s < steps - 1 ? `case ${s}u` : "default"}: { ${storeStep(s)} }`)}
}
${loadB.store()}`,
  };
}

/** WGSL that computes a product. */
export function compute(code: AttentionCode, product: AttentionProduct): string {
  const { steps, loaders, store, acc } = product;
  return wgsl`{
${loaders.map((loader) => loader.declare())}
${loaders.map((loader) => loader.load("0u"))}
for (var step = 0u; step < ${steps}u; step++) {
  ${store}
  workgroupBarrier();
  if (step + 1u < ${steps}u) {
    let depth0 = (step + 1u) * ${code.tile.step}u;
    ${loaders.map((loader) => loader.load("depth0"))}
  }
  ${multiply(code, acc)}
  workgroupBarrier();
}
}`;
}

function multiply(
  { tile, rowGroups, threadRows }: AttentionCode,
  { name, groups }: Accumulators,
): string {
  const { step, threadsX, threadsY } = tile;
  return unroll(
    step,
    (k) =>
      `{ ${
        join(rowGroups, " ", (g) => `let a${g} = stageA[${k}][quadA + ty + ${g * threadsY}u];`)
      } ${join(groups, " ", (j) => `let b${j} = stageB[${k}][quadB + tx + ${j * threadsX}u];`)} ${
        join(threadRows, " ", (i) =>
          join(groups, " ", (j) =>
            `${name}${i}_${j} = fma(vec4f(a${i >> 2}.${XYZW[i & 3]}), b${j}, ${name}${i}_${j});`))
      } }`,
  );
}
