/**
 * Cut cross-entropy, forward: the log-sum-exp of every row of logits, without the logits.
 *
 *   z[i, v] = softcap(e_i · c_v + bias_v),   lse_i = log Σ_v exp z[i, v]
 *
 * Shapes: E [*, D] of which `rows` names R rows (those whose target counts), C [V, D], or a shard of
 * its rows that fits one binding. Work: 2·R·V·D operations; the logits live in registers only.
 *
 * A workgroup takes tile.m rows and walks through `tilesPerSpan` vocabulary tiles of tile.n columns,
 * the product of each as in tile.ts, loading ahead across tiles. After each tile the rows' running
 * maximum and sum (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax") are
 * updated. What is left are R × S partial results for S spans, combined by cut_combine.ts.
 *
 * `keep` also writes one byte for each row and vocabulary tile: an upper bound of the tile's largest
 * logit other than the target's, relative to `reference`[row] (about the target's logit), in quarter
 * nats, rounded up: byte = 128 + 4·(max − reference), clamped to 1 … 255, where 255 says "may be
 * anything" and 0 that there is no such logit. From it and the log-sum-exp the backward pass knows which
 * rows of a tile matter. Bytes of four neighbouring rows share a word; tiles follow one another: [tile][row / 4].
 *
 * Half mode: E and C hold f16, sums of short chains of products are f16, all else is f32 (see tile.ts). A
 * logit that is infinite or no number, or one of whose chains overflowed, counts as 3e38, from which cut_combine.ts
 * makes an infinite loss.
 *
 * Bytes: E is read V / tile.n times and C R / tile.m times, mostly from the cache.
 */
import { logitFunctions, logitsFromAccumulators, LOWEST } from "./cut_logits.ts";
import { REFERENCE_BYTE } from "./cut_rows.ts";
import { defineKernel, join, unroll, wgsl } from "./kernel.ts";
import {
  arrayOf,
  columnGroups,
  declareAccumulators,
  multiplyHalfStep,
  multiplyStep,
  operandStaging,
  rowsPerThread,
  threadIndex,
  tileRow,
  type TileShape,
  tileStagingBytes,
  tileThreads,
} from "./tile.ts";
import { DirectTile } from "./tile_direct.ts";
import { type Operand, tileLoader } from "./tile_loader.ts";

/** Compile-time constants of the forward kernel. */
export interface CutForwardConstants {
  tile: TileShape;
  /** Whether D is a multiple of four. */
  vector: boolean;
  /** Whether D is a multiple of tile.k. */
  wholeSteps: boolean;
  bias: boolean;
  softcap: boolean;
  /** Writes the bounds that the filter of the backward pass needs. */
  keep: boolean;
  /** Also sums the logits themselves, for label smoothing. */
  sumLogits: boolean;
  /** E and C hold f16. */
  half?: boolean;
}

/** Bytes of workgroup memory, with everything switched on. */
export function cutForwardBytes(tile: TileShape, half = false): number {
  return tileStagingBytes(tile, half) + 4 * tile.threadsY * (tile.threadsX + 1) * 12 + tile.m * 16;
}

export const cutForward = defineKernel("cut_forward", (c: CutForwardConstants) => {
  const { tile, keep, sumLogits, half } = c;
  const threads = tileThreads(tile), rows = rowsPerThread(tile), groups = columnGroups(tile);
  const matrix = { order: "k", vector: c.vector, half, stride: "params.d" } as const;
  const ofE: Operand = {
    ...matrix,
    binding: "e",
    row: (i) => `rows[min(${i}, params.rowCount - 1u)]`,
  };
  const ofC: Operand = { ...matrix, binding: "c" };
  const staged = tileLoader(tile, ofE, ofC, c.wholeSteps);
  const direct = tile.direct ? new DirectTile(tile, ofE, ofC, c.wholeSteps) : undefined;
  // Between a span's tiles every thread remembers its own share of each of its rows: largest logit and
  // sum. At the end the shares are combined, for as many rows at a time as threads have in four.
  const together = 4 * tile.threadsY;
  const owned = Math.ceil(tile.m / threads);
  const forOwned = (piece: string) =>
    unroll(
      owned,
      (o) =>
        `{ let r = lid + ${o * threads}u; ${
          tile.m % threads === 0 ? "" : `if (r < ${tile.m}u)`
        } { ${piece} } }`,
    );
  const largestOf = (values: string[]) => values.reduce((x, y) => `max(${x}, ${y})`);
  const statistics = sumLogits ? 3 : 2;
  /** WGSL that updates a thread's share of its i-th row with the tile's logits. */
  const updateRow = (i: number) => {
    const z = Array.from({ length: groups }, (_, j) => `z${i}_${j}`);
    return wgsl`{
      let r = ${tileRow(tile, i)};
      let all = ${largestOf(z)};
      let top = ${largestOf(["all.x", "all.y", "all.z", "all.w"])};
      let largest = max(largest${i}, top);
      sum${i} = sum${i} * exp(largest${i} - largest) + ${
      z.map((values) => `dot(exp(${values} - largest), vec4f(1.0))`).join(" + ")
    };
      largest${i} = largest;
      ${
      sumLogits
        ? `total${i} += ${
          z.map((values, j) => `dot(select(vec4f(0.0), ${values}, inside${j}), vec4f(1.0))`)
            .join(" + ")
        };`
        : ""
    }
      let t = target_of[r];
      if (t / ${tile.n}u == tile && (t % ${tile.n}u) / 4u % ${tile.threadsX}u == tx && t < params.columns && m0 + r < params.rowCount) {
        // One term is the target's logit, the others are zero: exact.
        targetLogits[m0 + r] = ${
      z.map((values, j) => `dot(select(vec4f(0.0), ${values}, column${j} == vec4u(t)), vec4f(1.0))`)
        .join(" + ")
    };
      }
      ${
      keep
        ? `let others = ${
          largestOf(
            z.map((values, j) => `select(${values}, vec4f(${LOWEST}), column${j} == vec4u(t))`),
          )
        };
      let other = ${largestOf(["others.x", "others.y", "others.z", "others.w"])};
      if (other > ${LOWEST}) { atomicMax(&bound[tile % 2u][r], u32(clamp(ceil((other - reference_of[r]) * 4.0 + ${REFERENCE_BYTE}.02), 1.0, 255.0))); }`
        : ""
    } }`;
  };
  /** WGSL that writes the bounds of a tile, once all threads have contributed. */
  const writeBounds = (t: string) =>
    wgsl`for (var w = lid; w < ${tile.m / 4}u; w += ${threads}u) {
      var word = 0u;
      ${
      unroll(
        4,
        (j) => `word |= atomicExchange(&bound[${t} % 2u][w * 4u + ${j}u], 0u) << ${8 * j}u;`,
      )
    }
      bounds[(params.firstTile + ${t}) * params.rowWords + m0 / 4u + w] = word;
    }`;

  return {
    bindings: {
      e: `read ${arrayOf(c.vector, half)}` as const,
      c: `read ${arrayOf(c.vector, half)}` as const,
      rows: "read array<u32>",
      targets: "read array<u32>",
      partials: "write array<f32>",
      targetLogits: "write array<f32>",
      ...(c.bias ? { bias: "read array<f32>" as const } : {}),
      ...(keep
        ? { reference: "read array<f32>" as const, bounds: "write array<u32>" as const }
        : {}),
    },
    params: {
      rowCount: "u32",
      d: "u32",
      /** Columns of this shard, and the first one's place in the vocabulary. */
      columns: "u32",
      first: "u32",
      tiles: "u32",
      /** Tiles and spans before this shard, spans in all. */
      firstTile: "u32",
      firstSpan: "u32",
      spans: "u32",
      tilesPerSpan: "u32",
      /** Words of a tile in `bounds`. */
      rowWords: "u32",
      softcap: "f32",
    },
    workgroup: [threads, 1, 1],
    tile: { m: tile.m, n: tile.n },
    f16: half,
    code: wgsl`
${direct ? "" : operandStaging("stageA", tile.k, tile.m, half)}
${direct ? "" : operandStaging("stageB", tile.k, tile.n, half)}
var<workgroup> shares: array<array<vec2f, ${tile.threadsX + 1}>, ${together}>;
var<workgroup> target_of: array<u32, ${tile.m}>;
${sumLogits ? `var<workgroup> totals: array<array<f32, ${tile.threadsX + 1}>, ${together}>;` : ""}
${
      keep
        ? `var<workgroup> reference_of: array<f32, ${tile.m}>;
var<workgroup> bound: array<array<atomic<u32>, ${tile.m}>, 2>;`
        : ""
    }
${logitFunctions(c.softcap)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${threadIndex(tile)}
  let m0 = group.x * ${tile.m}u;
  let firstTile = group.y * params.tilesPerSpan;
  let endTile = min(firstTile + params.tilesPerSpan, params.tiles);
  let steps = (params.d + ${tile.k - 1}u) / ${tile.k}u;
  ${
      forOwned(`let row = min(m0 + r, params.rowCount - 1u);
        target_of[r] = targets[row] - params.first; ${
        keep ? "reference_of[r] = reference[row];" : ""
      }`)
    }
  ${
      unroll(rows, (i) =>
        `var largest${i} = ${LOWEST}; var sum${i} = 0.0; ${
          sumLogits ? `var total${i} = 0.0;` : ""
        }`)
    }
  ${
      direct ? direct.declare() : wgsl`${staged.declare()}
  var nextTile = firstTile;
  var nextStep = 0u;
  ${staged.aim("m0", `nextTile * ${tile.n}u`)}
  ${staged.load("0u", "params.d")}`
    }
  for (var tile = firstTile; tile < endTile; tile++) {
    ${declareAccumulators(tile, half)}
    ${
      direct
        ? wgsl`${direct.aim("m0", `tile * ${tile.n}u`)}
    for (var step = 0u; step < steps; step++) { ${direct.step("step", "params.d")} }
    workgroupBarrier();`
        : wgsl`for (var step = 0u; step < steps; step++) {
      ${staged.store()}
      workgroupBarrier();
      nextStep++;
      if (nextStep == steps) {
        nextStep = 0u;
        nextTile++;
        ${staged.aim("m0", `nextTile * ${tile.n}u`)}
      }
      // After the last step this reads what nobody uses, which costs less than a condition.
      ${staged.load("nextStep", "params.d")}
      ${half ? multiplyHalfStep(tile, "step", "step + 1u == steps") : multiplyStep(tile)}
      workgroupBarrier();
    }`
    }
    // No barrier here: what others have contributed to the tile before is complete since the first
    // barrier of this one, and bounds take turns.
    ${keep ? `if (tile > firstTile) { ${writeBounds("(tile - 1u)")} }` : ""}
    ${logitsFromAccumulators(tile, c, `tile * ${tile.n}u`)}
    ${unroll(rows, updateRow)}
  }
  workgroupBarrier();
  ${keep ? writeBounds("(endTile - 1u)") : ""}
  ${
      unroll(rows / 4, (q) =>
        wgsl`${q ? "workgroupBarrier();" : ""}
  ${
          join(4, " ", (e) =>
            `shares[ty * 4u + ${e}u][tx] = vec2f(largest${4 * q + e}, sum${4 * q + e}); ${
              sumLogits ? `totals[ty * 4u + ${e}u][tx] = total${4 * q + e};` : ""
            }`)
        }
  workgroupBarrier();
  for (var r = lid; r < ${together}u; r += ${threads}u) {
    let row = m0 + ${q * together}u + r;
    if (row < params.rowCount) {
      var m = ${LOWEST};
      for (var i = 0u; i < ${tile.threadsX}u; i++) { m = max(m, shares[r][i].x); }
      var sum = 0.0;
      for (var i = 0u; i < ${tile.threadsX}u; i++) { sum += shares[r][i].y * exp(shares[r][i].x - m); }
      let at = (row * params.spans + params.firstSpan + group.y) * ${statistics}u;
      partials[at] = m;
      partials[at + 1u] = sum;
      ${
          sumLogits
            ? `var total = 0.0;
      for (var i = 0u; i < ${tile.threadsX}u; i++) { total += totals[r][i]; }
      partials[at + 2u] = total;`
            : ""
        }
    }
  }`)
    }
}`,
  };
});
