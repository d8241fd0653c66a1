/**
 * A job of the filtered backward pass: up to tile.m surviving rows of one vocabulary tile, and G, the
 * gradient of their logits but for the target's entry.
 *
 * The workgroup looks up its tile in the list of jobs, finds its rows in the keep-map by counting, and
 * multiplies the gathered rows of E with the tile's rows of C, in the same arithmetic as cut_forward.ts:
 *
 *   G = a·exp(z − lse)·(1 − (z/cap)²), zero at the target
 *
 * into workgroup memory, transposed. What is done with it is the matter of cut_gradient.ts, and of
 * cut_measure.ts.
 */
import { logitFunctions, logitsFromAccumulators } from "./cut_logits.ts";
import { JOBS_FOLD } from "./cut_jobs.ts";
import { SURVIVES } from "./cut_rows.ts";
import { join, unroll, wgsl } from "./kernel.ts";
import {
  arrayOf,
  columnGroups,
  declareAccumulators,
  multiplyHalfStep,
  multiplyStep,
  operandStaging,
  rowsPerThread,
  staging,
  threadIndex,
  tileColumn,
  tileRow,
  type TileShape,
  tileStagingBytes,
  tileThreads,
} from "./tile.ts";
import { tileLoader } from "./tile_loader.ts";

/** Compile-time constants of a job. */
export interface CutJobConstants {
  /** m rows of a job, n columns of a vocabulary tile. */
  tile: TileShape;
  vector: boolean;
  /** Whether D is a multiple of tile.k. */
  wholeSteps: boolean;
  bias: boolean;
  softcap: boolean;
  /** E and C hold f16. */
  half?: boolean;
}

/** Bytes of workgroup memory; at most 48 KiB with the tiles of large GPUs, which have no more. */
export function cutJobBytes(tile: TileShape, half = false): number {
  return tileStagingBytes(tile, half) + tile.n * (tile.m / 4 + 1) * 16 + rowListLength(tile) * 4;
}

/** Elements of the list of rows, which serves for counting before. */
function rowListLength(tile: TileShape): number {
  return Math.max(tileThreads(tile), 2 * tile.m);
}

/** WGSL of the place of a job's row among all rows. */
export function pickedRow(i: string): string {
  return `row_list[${i}]`;
}

/** WGSL of where a job's row lies in E. */
export function rowOfE({ m }: TileShape, i: string): string {
  return `row_list[${m}u + ${i}]`;
}

/** Bindings of a job. */
export function cutJobBindings(c: CutJobConstants) {
  const matrix = `read ${arrayOf(c.vector, c.half)}` as const;
  return {
    e: matrix,
    c: matrix,
    rowData: "read array<vec4f>",
    bounds: "read array<u32>",
    jobs: "read array<u32>",
    ...(c.bias ? { bias: "read array<f32>" as const } : {}),
  } as const;
}

/** Parameters of a job. */
export const CUT_JOB_PARAMS = {
  d: "u32",
  columns: "u32",
  first: "u32",
  firstTile: "u32",
  tiles: "u32",
  rowWords: "u32",
  thresholds: "u32",
  softcap: "f32",
} as const;

/** Declarations that a job needs. */
export function cutJobDeclarations({ tile, softcap, half }: CutJobConstants): string {
  return wgsl`
${operandStaging("stageA", tile.k, tile.m, half)}
${operandStaging("stageB", tile.k, tile.n, half)}
// G, transposed: [column][four rows], and one element more.
${staging("gradient", tile.n, tile.m)}
// How many rows survive up to each thread's; then the places of the job's rows, and where they lie in E.
var<workgroup> row_list: array<u32, ${rowListLength(tile)}>;
${SURVIVES}
${logitFunctions(softcap)}`;
}

/**
 * WGSL of a job, to begin a kernel with: `tile`, `survivors` rows (see {@linkcode pickedRow},
 * {@linkcode rowOfE}), `columns` of the tile, and `gradient`. Needs `group` and `lid`.
 */
export function cutJob(c: CutJobConstants): string {
  const { tile } = c, matrix = { vector: c.vector, half: c.half, stride: "params.d" };
  const threads = tileThreads(tile), rows = rowsPerThread(tile), groups = columnGroups(tile);
  const loader = tileLoader(
    tile,
    { ...matrix, binding: "e", order: "k", row: (i) => rowOfE(tile, `min(${i}, ${tile.m - 1}u)`) },
    { ...matrix, binding: "c", order: "k" },
    c.wholeSteps,
  );
  return wgsl`
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
  let columns = min(params.columns - tile * ${tile.n}u, ${tile.n}u);
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
  row_list[lid] = count;
  workgroupBarrier();
  for (var distance = 1u; distance < ${threads}u; distance *= 2u) {
    var other = 0u;
    if (lid >= distance) { other = row_list[lid - distance]; }
    workgroupBarrier();
    row_list[lid] += other;
    workgroupBarrier();
  }
  // Loaded for all threads at once: barriers below stand in loops over it, and browsers refuse those
  // whose length is not known to be the same for every thread.
  let survivors = min(workgroupUniformLoad(&row_list[${threads - 1}u]) - firstRank, ${tile.m}u);
  var rank = row_list[lid] - count;
  // From here on the list holds rows.
  workgroupBarrier();
  for (var w = firstWord; w < endWord; w++) {
    let bound = bounds[mapBase + w];
    let threshold = bounds[params.thresholds + w];
    for (var j = 0u; j < 4u; j++) {
      if (survives(bound, threshold, j)) {
        if (rank >= firstRank && rank < firstRank + ${tile.m}u) { ${
    pickedRow("rank - firstRank")
  } = w * 4u + j; }
        rank++;
      }
    }
  }
  workgroupBarrier();
  // Places without a row repeat the first one; what they compute is not added anywhere.
  for (var i = lid; i < ${tile.m}u; i += ${threads}u) {
    if (i >= survivors) { ${pickedRow("i")} = ${pickedRow("0")}; }
    ${rowOfE(tile, "i")} = bitcast<u32>(rowData[2u * ${pickedRow("i")} + 1u].x);
  }
  workgroupBarrier();
  {
    ${loader.declare()}
    ${declareAccumulators(tile, c.half)}
    ${loader.aim("0u", `tile * ${tile.n}u`)}
    ${loader.load("0u", "params.d")}
    let steps = (params.d + ${tile.k - 1}u) / ${tile.k}u;
    for (var s = 0u; s < steps; s++) {
      ${loader.store()}
      workgroupBarrier();
      if (s + 1u < steps) { ${loader.load("(s + 1u)", "params.d")} }
      ${c.half ? multiplyHalfStep(tile, "s", "s + 1u == steps") : multiplyStep(tile)}
      workgroupBarrier();
    }
    ${logitsFromAccumulators(tile, c, `tile * ${tile.n}u`)}
    ${
    unroll(rows, (i) =>
      `let row${i} = ${tileRow(tile, i)}; let picked${i} = ${
        pickedRow(`row${i}`)
      }; let data${i} = rowData[2u * picked${i}]; let target${i} = vec4u(bitcast<u32>(rowData[2u * picked${i} + 1u].y) - params.first); let valid${i} = row${i} < survivors;`)
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
  workgroupBarrier();`;
}
