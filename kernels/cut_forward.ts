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
 * nats, rounded up: byte = 192 + 4·(max − reference), clamped to 0 … 255, where 255 says "may be
 * anything". From it and the log-sum-exp the backward pass knows which rows of a tile matter.
 * Bytes of four neighbouring rows share a word; tiles follow one another: [tile][row / 4].
 *
 * Bytes: E is read V / (tile.n · tilesPerSpan) times, C R / tile.m times, mostly from the cache.
 */
import { defineKernel, join, unroll, wgsl } from "./kernel.ts";
import { TANH4 } from "./matmul.ts";
import {
  columnGroups,
  declareAccumulators,
  multiplyStep,
  rowsPerThread,
  staging,
  threadIndex,
  tileColumn,
  tileLoader,
  tileRow,
  type TileShape,
  tileThreads,
} from "./tile.ts";

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
}

/** Stands for minus infinity: finite, so that differences stay finite. */
export const LOWEST = "-3.0e38";

/** WGSL of `z{i}_{j}`: logits from the accumulators, for columns `column` … + 3 of the shard. */
export function logitsFromAccumulators(
  tile: TileShape,
  { bias, softcap }: { bias: boolean; softcap: boolean },
  firstColumn: string,
): string {
  return unroll(
    columnGroups(tile),
    (j) =>
      wgsl`let column${j} = ${firstColumn} + ${tileColumn(tile, j)} + vec4u(0u, 1u, 2u, 3u);
    let inside${j} = column${j} < vec4u(params.columns);
    ${
        bias
          ? `let bias${j} = vec4f(${
            join(4, ", ", (e) => `bias[params.first + min(column${j}[${e}], params.columns - 1u)]`)
          });`
          : ""
      }
    ${
        unroll(rowsPerThread(tile), (i) => {
          const sum = `acc${i}_${j}${bias ? ` + bias${j}` : ""}`;
          const z = softcap ? `params.softcap * tanh4((${sum}) / params.softcap)` : sum;
          return `let z${i}_${j} = select(vec4f(${LOWEST}), max(${z}, vec4f(${LOWEST})), inside${j});`;
        })
      }`,
  );
}

export const cutForward = defineKernel("cut_forward", (c: CutForwardConstants) => {
  const { tile, keep, sumLogits } = c;
  const threads = tileThreads(tile), rows = rowsPerThread(tile), groups = columnGroups(tile);
  const loader = tileLoader(tile, {
    binding: "e",
    order: "k",
    vector: c.vector,
    row: (i) => `rows[min(${i}, params.rowCount - 1u)]`,
    stride: "params.d",
  }, {
    binding: "c",
    order: "k",
    vector: c.vector,
    stride: "params.d",
  }, c.wholeSteps);
  // Rows of the tile are looked after, between tiles, by one thread each.
  const owned = Math.ceil(tile.m / threads);
  const forOwned = (piece: (o: number) => string) =>
    unroll(
      owned,
      (o) =>
        `{ let r = lid + ${o * threads}u; ${
          tile.m % threads === 0 ? "" : `if (r < ${tile.m}u) {`
        } ${piece(o)} ${tile.m % threads === 0 ? "" : "}"} }`,
    );
  const fold = (op: (x: string, y: string) => string, values: string[]) => values.reduce(op);
  const overThreads = (op: (x: string, y: string) => string) =>
    `var x = part[r][0]; for (var i = 1u; i < ${tile.threadsX}u; i++) { x = ${
      op("x", "part[r][i]")
    }; }`;
  const max = (x: string, y: string) => `max(${x}, ${y})`;
  const statistics = sumLogits ? 3 : 2;

  return {
    bindings: {
      e: `read array<${c.vector ? "vec4f" : "f32"}>` as const,
      c: `read array<${c.vector ? "vec4f" : "f32"}>` as const,
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
    code: wgsl`
${staging("stageA", tile.k, tile.m)}
${staging("stageB", tile.k, tile.n)}
var<workgroup> part: array<array<f32, ${tile.threadsX + 1}>, ${tile.m}>;
var<workgroup> target_of: array<u32, ${tile.m}>;
var<workgroup> target_logit: array<f32, ${tile.m}>;
var<workgroup> maximum: array<f32, ${tile.m}>;
${keep ? `var<workgroup> bound: array<u32, ${tile.m}>;` : ""}
${c.softcap ? TANH4 : ""}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${threadIndex(tile)}
  let m0 = group.x * ${tile.m}u;
  let firstTile = group.y * params.tilesPerSpan;
  let endTile = min(firstTile + params.tilesPerSpan, params.tiles);
  let steps = (params.d + ${tile.k - 1}u) / ${tile.k}u;
  ${unroll(owned, (o) => `var top${o} = ${LOWEST}; var sum${o} = 0.0; var total${o} = 0.0;`)}
  ${
      forOwned(() =>
        `target_of[r] = targets[min(m0 + r, params.rowCount - 1u)] - params.first; target_logit[r] = ${LOWEST};`
      )
    }
  ${loader.declare()}
  var nextTile = firstTile;
  var nextStep = 0u;
  ${loader.aim("m0", `nextTile * ${tile.n}u`)}
  ${loader.load("0u", "params.d")}
  for (var tile = firstTile; tile < endTile; tile++) {
    ${declareAccumulators(tile)}
    for (var step = 0u; step < steps; step++) {
      ${loader.store()}
      workgroupBarrier();
      nextStep++;
      if (nextStep == steps) {
        nextStep = 0u;
        nextTile++;
        ${loader.aim("m0", `nextTile * ${tile.n}u`)}
      }
      if (nextTile < endTile) { ${loader.load("nextStep", "params.d")} }
      ${multiplyStep(tile)}
      workgroupBarrier();
    }
    // The tile's logits, and each thread's share of the rows' maxima, the target apart.
    ${logitsFromAccumulators(tile, c, `tile * ${tile.n}u`)}
    ${
      unroll(rows, (i) =>
        `{ let r = ${tileRow(tile, i)}; let t = vec4u(target_of[r]); var x = vec4f(${LOWEST});
        ${
          unroll(groups, (j) =>
            `x = max(x, select(z${i}_${j}, vec4f(${LOWEST}), column${j} == t));`)
        }
        part[r][tx] = ${fold(max, ["x.x", "x.y", "x.z", "x.w"])};
        if (t.x / ${tile.n}u == tile && t.x < params.columns) { ${
          unroll(groups, (j) =>
            `if (any(column${j} == t)) { target_logit[r] = ${
              fold(
                max,
                [0, 1, 2, 3].map((e) =>
                  `select(${LOWEST}, z${i}_${j}[${e}], column${j}[${e}] == t.x)`
                ),
              )
            }; }`)
        } } }`)
    }
    workgroupBarrier();
    ${
      forOwned((o) =>
        `${overThreads(max)}
        ${
          keep
            ? `bound[r] = select(u32(clamp(ceil((x - reference[min(m0 + r, params.rowCount - 1u)]) * 4.0 + 192.02), 0.0, 255.0)), 0u, x <= ${LOWEST});`
            : ""
        }
        if (target_of[r] / ${tile.n}u == tile && target_of[r] < params.columns) {
          x = max(x, target_logit[r]);
          if (m0 + r < params.rowCount) { targetLogits[m0 + r] = target_logit[r]; }
        }
        let largest = max(top${o}, x); sum${o} *= exp(top${o} - largest); top${o} = largest; maximum[r] = largest;`
      )
    }
    workgroupBarrier();
    ${
      keep
        ? `for (var w = lid; w < ${tile.m / 4}u; w += ${threads}u) {
      let q = w * 4u;
      bounds[(params.firstTile + tile) * params.rowWords + m0 / 4u + w] =
        bound[q] | (bound[q + 1u] << 8u) | (bound[q + 2u] << 16u) | (bound[q + 3u] << 24u);
    }`
        : ""
    }
    ${
      unroll(rows, (i) =>
        `{ let r = ${tileRow(tile, i)}; let largest = vec4f(maximum[r]); part[r][tx] = ${
          join(groups, " + ", (j) =>
            `dot(exp(z${i}_${j} - largest), vec4f(1.0))`)
        }; }`)
    }
    workgroupBarrier();
    ${forOwned((o) => `${overThreads((x, y) => `${x} + ${y}`)} sum${o} += x;`)}
    ${
      sumLogits
        ? `workgroupBarrier();
    ${
          unroll(rows, (i) =>
            `part[${tileRow(tile, i)}][tx] = ${
              join(
                groups,
                " + ",
                (j) => `dot(select(vec4f(0.0), z${i}_${j}, inside${j}), vec4f(1.0))`,
              )
            };`)
        }
    workgroupBarrier();
    ${forOwned((o) => `${overThreads((x, y) => `${x} + ${y}`)} total${o} += x;`)}`
        : ""
    }
  }
  ${
      forOwned((o) =>
        `if (m0 + r < params.rowCount) {
      let at = ((m0 + r) * params.spans + params.firstSpan + group.y) * ${statistics}u;
      partials[at] = top${o}; partials[at + 1u] = sum${o}; ${
          sumLogits ? `partials[at + 2u] = total${o};` : ""
        } }`
      )
    }
}`,
  };
});
