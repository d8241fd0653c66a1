/**
 * Cut cross-entropy, filtered backward pass: gradients from the rows of each vocabulary tile that
 * survive the filter, recomputing their logits.
 *
 * A workgroup takes a job of up to tile.m surviving rows of one vocabulary tile of tile.n columns, and
 * makes three products without leaving the chip:
 *
 *   1. G, from the logits gathered E · C_tileᵀ: see cut_job.ts;
 *   2. dE of the gathered rows += G · C_tile, in slabs of tile.n of D;
 *   3. dC of the tile += Gᵀ · gathered E, likewise.
 *
 * So survivors are chosen by row, not by tile: at a mean loss of 0.1 about a quarter of 128 × 128
 * tiles hold something, but a quarter of a percent of (row, tile) pairs. Work: 6·D operations for
 * each surviving pair and column, at most; nothing for what does not survive.
 *
 * Half mode: E and C hold f16. The first product is made as cut_forward.ts makes it, in f16 by chains
 * of the same length; the other two widen E and C to f32 as they are loaded.
 *
 * Several jobs add to the same row of dE or dC, in fixed point: see fixed_point.ts. cut_finish.ts turns
 * steps into f32 and adds the target's part.
 */
import {
  CUT_JOB_PARAMS,
  cutJob,
  cutJobBindings,
  cutJobBytes,
  type CutJobConstants,
  cutJobDeclarations,
  pickedRow,
  rowOfE,
} from "./cut_job.ts";
import { SCALE_PARAMS, SCALES } from "./fixed_point.ts";
import { defineKernel, join, unroll, wgsl } from "./kernel.ts";
import {
  columnGroups,
  declareAccumulators,
  multiplyStep,
  multiplyStepTransposed,
  operandStaging,
  operandStagingBytes,
  rowsPerThread,
  stagedRow,
  tileColumn,
  tileRow,
  type TileShape,
  tileThreads,
} from "./tile.ts";
import { type Operand, TileLoader } from "./tile_loader.ts";

/** Compile-time constants of the filtered backward kernel: a job, and which gradients are wanted. */
export interface CutGradientConstants extends CutJobConstants {
  dE: boolean;
  dC: boolean;
  dBias: boolean;
}

/** Bytes of workgroup memory. */
export function cutGradientBytes(tile: TileShape, half = false): number {
  return cutJobBytes(tile, half) + (half ? operandStagingBytes(tile.k, tile.n) : 0);
}

export const cutGradient = defineKernel("cut_gradient", (c: CutGradientConstants) => {
  const { tile, half } = c;
  const threads = tileThreads(tile), groups = columnGroups(tile);
  // The tile of the third product: columns of the vocabulary as rows.
  const turned: TileShape = { ...tile, m: tile.n };
  const matrix = { vector: c.vector, half, stride: "params.d" };
  // Where f32 rows of C or E lie for the second and third product.
  const slab = half ? "slab" : "stageB";
  const slabLoader = (operand: Operand) =>
    new TileLoader(tile, [{ operand, stage: slab, width: tile.n }], false, "slab");
  const slabOfC = slabLoader({ ...matrix, binding: "c", order: "mn", base: "tileBase" });
  const slabOfE = slabLoader({
    ...matrix,
    binding: "e",
    order: "mn",
    row: (k) => rowOfE(tile, `min(${k}, ${tile.m - 1}u)`),
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
  /** WGSL that adds a thread's rows of `shape` to `target`, in steps. */
  const addRows = (
    shape: TileShape,
    target: string,
    guard: string,
    of: (i: number) => { row: string; inverse: string; steps: string },
  ) =>
    unroll(rowsPerThread(shape), (i) =>
      `{ let r = ${tileRow(shape, i)}; if (${guard}) {
        let at = ${of(i).row} * params.d + d;
        let ofMass = acc${i}_$j * ${of(i).inverse};
        let fixed = vec4i(round(ofMass * max(ofMaxima, vec4f(${of(i).steps}))));
        ${
        unroll(4, (e) =>
          `if (fixed[${e}] != 0${
            c.vector ? "" : ` && d + ${e}u < params.d`
          }) { atomicAdd(&${target}[at + ${e}u], fixed[${e}]); }`)
      } } }`);
  const stepsOf = (column: string) => `gradient[${column}][${tile.m / 4}].x`;
  const stepsOfMaxima = (first: string) =>
    `let ofMaxima = vec4f(${
      join(4, ", ", (e) => `steps_in_one(scale(${first} + min(d + ${e}u, params.d - 1u)))`)
    });`;

  return {
    bindings: {
      ...cutJobBindings(c),
      scales: "read array<u32>",
      ...(c.dE ? { dE: "write array<atomic<i32>>" as const } : {}),
      ...(c.dC ? { dC: "write array<atomic<i32>>" as const } : {}),
      ...(c.dBias ? { dBias: "write array<atomic<i32>>" as const } : {}),
    },
    params: { ...CUT_JOB_PARAMS, ...SCALE_PARAMS },
    workgroup: [threads, 1, 1],
    tile: { m: tile.m, n: tile.n },
    f16: half,
    code: wgsl`
${cutJobDeclarations(c)}${half ? operandStaging("slab", tile.k, tile.n) : ""}
${SCALES}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  // 1. G.
  ${cutJob(c)}
  let tileBase = tile * ${tile.n}u * params.d;
  let firstColumn = params.first + tile * ${tile.n}u;
  let mass = scale(params.tileMasses + params.firstTile + tile);
  let inverseMass = select(0.0, 1.0 / mass, mass > 0.0);
  ${
      c.dBias
        ? wgsl`for (var column = lid; column < columns; column += ${threads}u) {
    var sum = 0.0;
    for (var q = 0u; q < ${tile.m / 4}u; q++) { sum += dot(gradient[column][q], vec4f(1.0)); }
    let steps = steps_in_one(share_of(params.columnShares + firstColumn + column));
    atomicAdd(&dBias[firstColumn + column], i32(round(sum * inverseMass * steps)));
  }`
        : ""
    }
  ${
      c.dE
        ? wgsl`{ // 2. The gathered rows of dE.
  ${slabOfC.declare()}
  ${
          unroll(rowsPerThread(tile), (i) =>
            `let picked${i} = ${pickedRow(tileRow(tile, i))}; let to${i} = ${
              rowOfE(tile, tileRow(tile, i))
            }; let mass${i} = rowData[2u * picked${i}].z; let inverse${i} = select(0.0, 1.0 / mass${i}, mass${i} > 0.0);
  let steps${i} = steps_in_one(reach(params.rowSums + picked${i}, params.cSpread));`)
        }
  ${
          slabs(
            tile,
            slabOfC,
            "columns",
            multiplyStep(tile, {
              a: (k) => `gradient[s * ${tile.k}u + ${k}u]`,
              b: (k) => stagedRow(slab, k),
            }),
            `${stepsOfMaxima("params.cMaxima")} ${
              addRows(
                tile,
                "dE",
                "r < survivors",
                (i) => ({ row: `to${i}`, inverse: `inverse${i}`, steps: `steps${i}` }),
              )
            }`,
          )
        } }`
        : ""
    }
  ${
      c.dC
        ? wgsl`{ // 3. The tile's rows of dC.
  ${slabOfE.declare()}
  // Not in registers, which the sums below take, but in what a row of G has more than it needs. Barriers
  // before they are used are in the loop over slabs.
  for (var column = lid; column < columns; column += ${threads}u) {
    ${
          stepsOf("column")
        } = steps_in_one(reach(params.columnSums + firstColumn + column, params.eSpread));
  }
  ${
          slabs(
            turned,
            slabOfE,
            "survivors",
            `let quad = s * ${tile.k / 4}u; ${
              multiplyStepTransposed(turned, (row) => `gradient[${row}]`, "quad", slab)
            }`,
            `${stepsOfMaxima("params.eMaxima")} ${
              addRows(
                turned,
                "dC",
                "r < columns",
                () => ({
                  row: `(tile * ${tile.n}u + r)`,
                  inverse: "inverseMass",
                  steps: stepsOf("r"),
                }),
              )
            }`,
          )
        } }`
        : ""
    }
}`,
  };
});
