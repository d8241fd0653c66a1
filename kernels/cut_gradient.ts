/**
 * Cut cross-entropy, filtered backward pass: gradients from the rows of each vocabulary tile that
 * survive the filter, recomputing their logits.
 *
 * A job is up to tile.m surviving rows of one vocabulary tile of tile.n columns, which the workgroup
 * finds in the keep-map by counting. It then makes three products without leaving the chip:
 *
 *   1. logits = gathered E · C_tileᵀ (the same arithmetic as cut_forward.ts), and from them
 *      G = a·exp(z − lse)·(1 − (z/cap)²), zero at the target, into workgroup memory;
 *   2. dE of the gathered rows += G · C_tile, in slabs of tile.n of D;
 *   3. dC of the tile += Gᵀ · gathered E, likewise.
 *
 * So survivors are chosen by row, not by tile: at a mean loss of 0.1 about a quarter of 128 × 128
 * tiles hold something, but a quarter of a percent of (row, tile) pairs. Work: 6·D operations for
 * each surviving pair and column, at most; nothing for what does not survive.
 *
 * Half mode: E and C hold f16. The first product is made as cut_forward.ts makes it, in f16 by steps
 * of the same depth; the other two widen E and C to f32 as they are loaded.
 *
 * Several jobs add to the same row of dE or dC. Sums of f32 would depend on who comes first, so dE
 * and dC are accumulated as i32 in fixed point: whole-number addition is associative, and the result
 * has the same bits whatever the schedule. The scale is a bound that is known beforehand,
 * |dE[i, d]| ≤ mass_i · max_v |C[v, d]| and |dC[v, d]| ≤ tileMass · max_i |E[i, d]|, spread over 2³⁰
 * steps: nothing overflows, and the resolution is about 1e-9 of the largest possible value, finer
 * than f32 sums of that size. kernels/cut_finish.ts turns them into f32 and adds the target's part.
 */
import { SURVIVES } from "./cut_rows.ts";
import { logitsFromAccumulators } from "./cut_forward.ts";
import { JOBS_FOLD } from "./cut_jobs.ts";
import { TANH4 } from "./activation.ts";
import { defineKernel, join, unroll, wgsl } from "./kernel.ts";
import {
  arrayOf,
  columnGroups,
  declareAccumulators,
  multiplyStep,
  multiplyStepTransposed,
  operandStaging,
  operandStagingBytes,
  OVERFLOWED,
  rowsPerThread,
  stagedRow,
  staging,
  threadIndex,
  tileColumn,
  tileRow,
  type TileShape,
  tileStagingBytes,
  tileThreads,
} from "./tile.ts";
import { type Operand, TileLoader, tileLoader } from "./tile_loader.ts";

/** Compile-time constants of the filtered backward kernel. */
export interface CutGradientConstants {
  /** m rows of a job, n columns of a vocabulary tile. */
  tile: TileShape;
  vector: boolean;
  /** Whether D is a multiple of tile.k. */
  wholeSteps: boolean;
  bias: boolean;
  softcap: boolean;
  /** Which gradients are wanted. */
  dE: boolean;
  dC: boolean;
  dBias: boolean;
  /** E and C hold f16. */
  half?: boolean;
}

/** Steps of fixed point for the largest possible value. */
export const FIXED_POINT = 2 ** 30;

/** Bytes of workgroup memory. */
export function cutGradientBytes(tile: TileShape, half = false): number {
  return tileStagingBytes(tile, half) + (half ? operandStagingBytes(tile.k, tile.n) : 0) +
    tile.n * (tile.m / 4 + 1) * 16 + tile.m * 8 +
    tileThreads(tile) * 4;
}

export const cutGradient = defineKernel("cut_gradient", (c: CutGradientConstants) => {
  const { tile, half } = c;
  const threads = tileThreads(tile), rows = rowsPerThread(tile), groups = columnGroups(tile);
  // The tile of the third product: columns of the vocabulary as rows.
  const turned: TileShape = { ...tile, m: tile.n };
  const element = arrayOf(c.vector, half);
  const matrix = { vector: c.vector, half, stride: "params.d" };
  // Where f32 rows of C or E lie for the second and third product.
  const slab = half ? "slab" : "stageB";
  const loader = tileLoader(
    tile,
    { ...matrix, binding: "e", order: "k", row: (i) => `e_row[min(${i}, ${tile.m - 1}u)]` },
    { ...matrix, binding: "c", order: "k" },
    c.wholeSteps,
  );
  const slabLoader = (operand: Operand) =>
    new TileLoader(tile, [{ operand, stage: slab, width: tile.n }], false, "slab");
  const slabOfC = slabLoader({ ...matrix, binding: "c", order: "mn", base: "tileBase" });
  const slabOfE = slabLoader({
    ...matrix,
    binding: "e",
    order: "mn",
    row: (k) => `e_row[min(${k}, ${tile.m - 1}u)]`,
  });
  /** Products 2 and 3: walk through D in slabs, each a sum of `depth` staged rows. */
  const slabs = (
    shape: TileShape,
    loader: TileLoader,
    depth: string,
    step: string,
    store: string,
  ) =>
    wgsl`for (var d0 = 0u; d0 < params.d; d0 += ${tile.n}u) {
    ${declareAccumulators(shape)}
    ${loader.aim("d0")}
    ${loader.load("0u", depth)}
    let steps = (${depth} + ${tile.k - 1}u) / ${tile.k}u;
    for (var s = 0u; s < steps; s++) {
      ${loader.store()}
      workgroupBarrier();
      if (s + 1u < steps) { ${loader.load("(s + 1u)", depth)} }
      ${step}
      workgroupBarrier();
    }
    ${
      unroll(groups, (j) =>
        `{ let d = d0 + ${tileColumn(tile, j)}; if (d < params.d) { ${
          store.replaceAll("$j", String(j))
        } } }`)
    }
  }`;
  const addRow = (
    shape: TileShape,
    target: string,
    index: (i: number) => { guard: string; row: string; scale: string },
  ) =>
    unroll(rowsPerThread(shape), (i) => {
      const { guard, row, scale } = index(i);
      return `{ let r = ${tileRow(shape, i)}; if (${guard}) {
        let at = ${row} * params.d + d; let fixed = vec4i(round(acc${i}_$j * (${scale} * inverse)));
        ${
        unroll(4, (e) =>
          `if (fixed[${e}] != 0${
            c.vector ? "" : ` && d + ${e}u < params.d`
          }) { atomicAdd(&${target}[at + ${e}u], fixed[${e}]); }`)
      } } }`;
    });
  const inverseScale = (offset: string) =>
    `let largest = vec4f(${
      join(4, ", ", (e) => `scales[${offset} + min(d + ${e}u, params.d - 1u)]`)
    });
    let inverse = select(vec4f(0.0), ${FIXED_POINT}.0 / largest, largest > vec4f(0.0));`;

  return {
    bindings: {
      e: `read ${element}` as const,
      c: `read ${element}` as const,
      rowData: "read array<vec4f>",
      bounds: "read array<u32>",
      jobs: "read array<u32>",
      scales: "read array<f32>",
      ...(c.bias ? { bias: "read array<f32>" as const } : {}),
      ...(c.dE ? { dE: "write array<atomic<i32>>" as const } : {}),
      ...(c.dC ? { dC: "write array<atomic<i32>>" as const } : {}),
      ...(c.dBias ? { dBias: "write array<atomic<i32>>" as const } : {}),
    },
    params: {
      d: "u32",
      columns: "u32",
      first: "u32",
      firstTile: "u32",
      tiles: "u32",
      rowWords: "u32",
      thresholds: "u32",
      softcap: "f32",
    },
    workgroup: [threads, 1, 1],
    tile: { m: tile.m, n: tile.n },
    f16: half,
    code: wgsl`
${operandStaging("stageA", tile.k, tile.m, half)}
${operandStaging("stageB", tile.k, tile.n, half)}${
      half ? operandStaging("slab", tile.k, tile.n) : ""
    }
// G, transposed: [column][four rows].
${staging("gradient", tile.n, tile.m)}
var<workgroup> picked: array<u32, ${tile.m}>;
var<workgroup> e_row: array<u32, ${tile.m}>;
var<workgroup> before: array<u32, ${threads}>;
${SURVIVES}
${c.softcap ? TANH4 : ""}${OVERFLOWED}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  let job = group.x + group.y * ${JOBS_FOLD}u;
  if (job >= jobs[params.tiles]) { return; }
  ${threadIndex(tile)}
  // The tile of this job: the last one whose first job is not after it.
  var low = 0u;
  var high = params.tiles;
  while (low + 1u < high) {
    let middle = (low + high) / 2u;
    if (jobs[middle] <= job) { low = middle; } else { high = middle; }
  }
  let tile = low;
  let firstRank = (job - jobs[tile]) * ${tile.m}u;

  // The tile's surviving rows of rank firstRank … : every thread counts a stretch of the keep-map.
  let mapBase = (params.firstTile + tile) * params.rowWords;
  let share = (params.rowWords + ${threads - 1}u) / ${threads}u;
  let firstWord = min(lid * share, params.rowWords);
  let endWord = min(firstWord + share, params.rowWords);
  var count = 0u;
  for (var w = firstWord; w < endWord; w++) {
    let bound = bounds[mapBase + w];
    let threshold = bounds[params.thresholds + w];
    for (var j = 0u; j < 4u; j++) { if (survives(bound, threshold, j)) { count++; } }
  }
  before[lid] = count;
  workgroupBarrier();
  for (var distance = 1u; distance < ${threads}u; distance *= 2u) {
    var other = 0u;
    if (lid >= distance) { other = before[lid - distance]; }
    workgroupBarrier();
    before[lid] += other;
    workgroupBarrier();
  }
  // Loaded for all threads at once: barriers below stand in loops over it, and browsers refuse those
  // whose length is not known to be the same for every thread.
  let survivors = min(workgroupUniformLoad(&before[${threads - 1}u]) - firstRank, ${tile.m}u);
  var rank = before[lid] - count;
  for (var w = firstWord; w < endWord; w++) {
    let bound = bounds[mapBase + w];
    let threshold = bounds[params.thresholds + w];
    for (var j = 0u; j < 4u; j++) {
      if (survives(bound, threshold, j)) {
        if (rank >= firstRank && rank < firstRank + ${tile.m}u) { picked[rank - firstRank] = w * 4u + j; }
        rank++;
      }
    }
  }
  workgroupBarrier();
  // Places without a row repeat the first one; what they compute is not added anywhere.
  for (var i = lid; i < ${tile.m}u; i += ${threads}u) {
    if (i >= survivors) { picked[i] = picked[0]; }
    e_row[i] = bitcast<u32>(rowData[2u * picked[i] + 1u].x);
  }
  workgroupBarrier();

  // 1. Logits and their gradient.
  let tileBase = tile * ${tile.n}u * params.d;
  {
    ${loader.declare()}
    ${declareAccumulators(tile)}
    ${loader.aim("0u", `tile * ${tile.n}u`)}
    ${loader.load("0u", "params.d")}
    let steps = (params.d + ${tile.k - 1}u) / ${tile.k}u;
    for (var s = 0u; s < steps; s++) {
      ${loader.store()}
      workgroupBarrier();
      if (s + 1u < steps) { ${loader.load("(s + 1u)", "params.d")} }
      ${multiplyStep(tile, { half })}
      workgroupBarrier();
    }
    ${logitsFromAccumulators(tile, c, `tile * ${tile.n}u`)}
    ${
      unroll(rows, (i) =>
        `let row${i} = ${
          tileRow(tile, i)
        }; let data${i} = rowData[2u * picked[row${i}]]; let target${i} = vec4u(bitcast<u32>(rowData[2u * picked[row${i}] + 1u].y) - params.first); let valid${i} = row${i} < survivors;`)
    }
    ${
      unroll(groups, (j) =>
        unroll(rows, (i) =>
          `let g${i}_${j} = select(vec4f(0.0), data${i}.y * exp(z${i}_${j} - data${i}.x)${
            c.softcap
              ? ` * (1.0 - min(z${i}_${j} * z${i}_${j} / (params.softcap * params.softcap), vec4f(1.0)))`
              : ""
          }, inside${j} & (column${j} != target${i}) & vec4<bool>(valid${i}));`))
    }
    ${
      unroll(groups, (j) =>
        unroll(rows / 4, (q) =>
          join(4, " ", (e) =>
            `gradient[${tileColumn(tile, j)} + ${e}u][ty + ${q * tile.threadsY}u] = vec4f(${
              join(4, ", ", (r) =>
                `g${4 * q + r}_${j}[${e}]`)
            });`)))
    }
  }
  workgroupBarrier();
  let columns = min(params.columns - tile * ${tile.n}u, ${tile.n}u);
  let mass = scales[2u * params.d + params.firstTile + tile];
  let inverseMass = select(0.0, 1.0 / mass, mass > 0.0);
  ${
      c.dBias
        ? wgsl`for (var column = lid; column < columns; column += ${threads}u) {
    var sum = 0.0;
    for (var q = 0u; q < ${tile.m / 4}u; q++) { sum += dot(gradient[column][q], vec4f(1.0)); }
    atomicAdd(&dBias[params.first + tile * ${tile.n}u + column], i32(round(sum * (inverseMass * ${FIXED_POINT}.0))));
  }`
        : ""
    }
  ${
      c.dE
        ? wgsl`{ // 2. The gathered rows of dE.
  ${slabOfC.declare()}
  ${
          unroll(rows, (i) =>
            `let picked${i} = picked[${tileRow(tile, i)}]; let to${i} = e_row[${
              tileRow(tile, i)
            }]; let mass${i} = rowData[2u * picked${i}].z; let scale${i} = select(0.0, 1.0 / mass${i}, mass${i} > 0.0);`)
        }
  ${
          slabs(
            tile,
            slabOfC,
            "columns",
            multiplyStep(tile, {
              a: (k) => `gradient[s * ${tile.k}u + ${k}u]`,
              b: (k) => stagedRow(tile, slab, k),
            }),
            `${inverseScale("params.d")} ${
              addRow(tile, "dE", (i) => ({
                guard: "r < survivors",
                row: `to${i}`,
                scale: `scale${i}`,
              }))
            }`,
          )
        } }`
        : ""
    }
  ${
      c.dC
        ? wgsl`{ // 3. The tile's rows of dC.
  ${slabOfE.declare()}
  ${
          slabs(
            turned,
            slabOfE,
            "survivors",
            `let quad = s * ${tile.k / 4}u; ${
              multiplyStepTransposed(turned, (row) => `gradient[${row}]`, "quad", slab)
            }`,
            `${inverseScale("0u")} ${
              addRow(turned, "dC", () => ({
                guard: "r < columns",
                row: `(tile * ${tile.n}u + r)`,
                scale: "inverseMass",
              }))
            }`,
          )
        } }`
        : ""
    }
}`,
  };
});
