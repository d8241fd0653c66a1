/**
 * Softmax of a block of rows without going over their logits: what the chunked way does between its products.
 *
 * The product that makes the logits z stores x[i, v] = exp(z[i, v] − r_i) in their place, and the sums of
 * these over the columns of each of its tiles. Softmax is x divided by the row's sum, whatever r is, as long
 * as nothing overflows; with the logit of the row's target for r that takes a loss of 88 nats. (Running
 * softmax, Milakov & Gimelshein 2018, arXiv 1805.02867, takes the maximum so far, and so must correct what
 * came before it.) The division is left to what is multiplied with x: with s_i = Σ_v x[i, v] and the upstream
 * gradient g_i of the row's loss,
 *
 *   loss_i = log(s_i / x[i, target])
 *   dE[i] = (g_i / s_i) · Σ_v y[i, v] · C[v],   dC[v] = Σ_i y[i, v] · (g_i / s_i) · E[i]
 *
 * where y is x, less s_i at the target.
 *
 * A logit more than `LARGEST_EXPONENT` above r is stored as r − z, which is negative, as no exponential is,
 * and one that is not finite as −3e38. The sum of such a row is beyond 1e38, and only then is the row gone
 * over, and r replaced by its maximum.
 */
import { rowIndex } from "./grid.ts";
import { defineKernel, join, unroll, wgsl } from "./kernel.ts";
import { addParts } from "./sum_parts.ts";
import type { TileShape } from "./tile.ts";

/** So that x/s · g · E is far from what f32 flushes to zero: x ≤ 8e13. */
const LARGEST_EXPONENT = 32;

/** WGSL of `reference_of(row)`: r, the logit of the row's target, or 0 where that is not finite. */
export const REFERENCE = wgsl`
fn reference_of(row: u32) -> f32 {
  let r = reference[row];
  return select(r, 0.0, r < -1.0e38);
}`;

/** Bits of e^32, beyond which lie those of larger numbers, of infinity and NaN. */
const LARGEST_BITS = new Uint32Array(Float32Array.of(Math.exp(LARGEST_EXPONENT)).buffer)[0];

/**
 * WGSL that makes `x{i}_{j}`, what is stored for row i and the j-th four columns of a thread, and their sum
 * `sum{i}`, from `reference{i}`.
 *
 * @param z WGSL of four logits.
 * @param marks what must be known to mark what needs it: WGSL of which logits are not finite, and of the
 * column of the first. Otherwise nothing is marked, but `is_odd` set where something should be; two sums
 * tell that.
 */
export function exponentialsOfRow(
  groups: number,
  i: number,
  z: (i: number, j: number) => string,
  marks?: {
    spoilt: (i: number, j: number) => string;
    column: (j: number) => string;
  },
): string {
  const x = (j: number) => `x${i}_${j}`, d = (j: number) => `d${i}_${j}`;
  const total = (name: string, four: (j: number) => string) =>
    `let four_${name}${i} = ${
      join(groups, " + ", four)
    }; let ${name}${i} = (four_${name}${i}.x + four_${name}${i}.y) + (four_${name}${i}.z + four_${name}${i}.w);`;
  const both = unroll(
    groups,
    (j) => `let ${d(j)} = ${z(i, j)} - reference${i}; var ${x(j)} = exp(${d(j)});`,
  );
  if (!marks) {
    return wgsl`${both} ${total("sum", x)} ${total("seen", d)}
  is_odd |= not_finite(seen${i}) | (bitcast<u32>(sum${i}) > ${LARGEST_BITS}u);`;
  }
  const { spoilt, column } = marks;
  return wgsl`${both}
  ${
    unroll(groups, (j) =>
      wgsl`${x(j)} = select(${x(j)}, -${d(j)}, ${d(j)} > vec4f(${LARGEST_EXPONENT}.0));
  ${x(j)} = select(${x(j)}, vec4f(-3.0e38), ${spoilt(i, j)});
  ${x(j)} = select(vec4f(0.0), ${x(j)}, ${column(j)} + vec4u(0u, 1u, 2u, 3u) < vec4u(params.n));`)
  }
  ${total("sum", (j) => `select(${x(j)}, vec4f(3.0e38), ${x(j)} < vec4f(0.0))`)}`;
}

/** The sums of a tile's rows: each thread's over its columns, then those of its row in order. */
export class TileRowSums {
  readonly #tile: TileShape;

  constructor(tile: TileShape) {
    this.#tile = tile;
  }

  /** Workgroup memory; a staged tile has some to spare once its products are made. */
  declare(): string {
    const { m, threadsX, direct } = this.#tile;
    return direct ? `var<workgroup> row_sums: array<array<vec4f, ${m / 4}>, ${threadsX}>;` : "";
  }

  #at(column: string, quad: string): string {
    if (this.#tile.direct) return `row_sums[${column}][${quad}]`;
    return `stageA[${column} / 4u].rows[${column} % 4u][${quad}]`;
  }

  /** WGSL that leaves the sums of the g-th four rows of a thread, `{name}{4g}` …, to the others. */
  leave(name: string, g: number): string {
    return `${this.#at("tx", `ty + ${g * this.#tile.threadsY}u`)} = vec4f(${
      join(4, ", ", (r) => `${name}${4 * g + r}`)
    });`;
  }

  /** WGSL that adds them up and stores them, rows below `params.m` only. */
  store(): string {
    const { m, threadsX } = this.#tile;
    return wgsl`
  workgroupBarrier();
  if (lid < ${m / 4}u) {
    var sum = vec4f(0.0);
    ${unroll(threadsX, (x) => `sum += ${this.#at(`${x}u`, "lid")};`)}
    sums[(params.firstSum + group.y) * params.sumStride + m0 / 4u + lid] = sum;
  }`;
  }
}

/** Threads of a row; a thread adds up four numbers of parts. */
export const ROW_THREADS = 256;

/** Numbers that a thread loads at a time: each would else wait for the one before it. */
const AT_ONCE = 4;

/**
 * The end of such rows: their losses, y in the place of x, the factors g/s, and the rows of E times these.
 *
 * Shapes: x [rows, stride], zeros where there are no logits; sums [sumCount, sumStride]; e [rows, D];
 * `scaled` holds the factors and, from element `scaledAt` on, the rows of E times these. One workgroup a row.
 * Bytes: 8·D and 4 a sum; 8·V more where the row is gone over.
 *
 * With `parts` more workgroups, behind those of the rows, add up the parts of the product that has become the
 * gradient of E before, `partCount` fours of numbers each, as sum_parts.ts does: beside the rows that takes no
 * time of its own (a dispatch that depends on one before it takes 5 µs and more).
 */
export const exponentialRows = defineKernel(
  "exponential_rows",
  ({ weighted, parts }: { weighted: boolean; parts: number }) => ({
    bindings: {
      x: "write array<vec4f>",
      sums: "read array<f32>",
      targets: "read array<u32>",
      e: "read array<f32>",
      scaled: "write array<f32>",
      losses: "write array<f32>",
      ...(weighted ? { weights: "read array<f32>" as const } : {}),
      ...(parts > 0
        ? { parts: "read array<vec4f>" as const, dE: "write array<vec4f>" as const }
        : {}),
    },
    params: {
      rowCount: "u32",
      /** Place of the first row among all rows whose target counts. */
      first: "u32",
      stride: "u32",
      /** Sums of a row, and numbers from one to the next. */
      sumCount: "u32",
      sumStride: "u32",
      d: "u32",
      scaledAt: "u32",
      factor: "f32",
      ...(parts > 0 ? { partCount: "u32" as const } : {}),
    },
    workgroup: [ROW_THREADS, 1, 1],
    code: wgsl`
var<workgroup> values: array<f32, ${ROW_THREADS}>;
var<workgroup> scale: f32;

fn sum_of_all(lid: u32, value: f32) -> f32 {
  values[lid] = value;
  workgroupBarrier();
  for (var half = ${ROW_THREADS / 2}u; half > 0u; half >>= 1u) {
    if (lid < half) { values[lid] += values[lid + half]; }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&values[0]);
}

@compute @workgroup_size(${ROW_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lid: u32) {
  ${rowIndex()}
  if (row >= params.rowCount) {
    ${
      parts === 0 ? "" : wgsl`let i = (row - params.rowCount) * ${ROW_THREADS}u + lid;
    if (i < params.partCount) { ${addParts(parts, "parts", "dE", "params.partCount")} }`
    }
    return;
  }
  let base = row * params.stride / 4u;
  let t = targets[params.first + row];
  let old_p = x[base + t / 4u][t % 4u];
  var own = 0.0;
  for (var i = lid; i < params.sumCount; i += ${AT_ONCE * ROW_THREADS}u) {
    ${
      unroll(AT_ONCE, (n) =>
        `let i${n} = i + ${
          n * ROW_THREADS
        }u; let sum${n} = sums[min(i${n}, params.sumCount - 1u) * params.sumStride + row];`)
    }
    ${unroll(AT_ONCE, (n) => `own += select(0.0, sum${n}, i${n} < params.sumCount);`)}
  }
  var sum = sum_of_all(lid, own);
  var largest = 0.0;
  if (sum > 1.0e38) {
    storageBarrier(); // the target's x has been read
    let end = params.stride / 4u;
    for (var v = lid; v < end; v += ${ROW_THREADS}u) {
      let d = -x[base + v];
      largest = max(largest, max(max(d.x, d.y), max(d.z, d.w)));
    }
    values[lid] = largest;
    workgroupBarrier();
    for (var half = ${ROW_THREADS / 2}u; half > 0u; half >>= 1u) {
      if (lid < half) { values[lid] = max(values[lid], values[lid + half]); }
      workgroupBarrier();
    }
    largest = workgroupUniformLoad(&values[0]);
    let shrink = exp(-largest);
    var fours = vec4f(0.0);
    for (var v = lid; v < end; v += ${ROW_THREADS}u) {
      let old = x[base + v];
      let new_x = select(old * shrink, exp(-old - largest), old < vec4f(0.0));
      x[base + v] = new_x;
      fours += new_x;
    }
    storageBarrier();
    sum = sum_of_all(lid, (fours.x + fours.y) + (fours.z + fours.w));
  }
  if (lid == 0u) {
    let i = params.first + row;
    let weight = ${weighted ? "weights[i]" : "1.0"};
    let spoilt = largest > 1.0e38; // then the loss is infinite and the gradient no number
    scale = select(params.factor * weight / sum, bitcast<f32>(bitcast<u32>(largest) | 0x7fc00000u), spoilt);
    scaled[row] = scale;
    // A bias of -inf takes the target out: its x is 0, the loss infinite.
    let finite = log(sum) + largest - select(log(old_p), -old_p, old_p < 0.0);
    let loss = select(finite, bitcast<f32>(bitcast<u32>(old_p) | 0x7f800000u), old_p == 0.0);
    losses[i] = weight * select(loss, 4.0 * largest, spoilt);
    x[base + t / 4u][t % 4u] -= sum;
  }
  let factor = workgroupUniformLoad(&scale);
  let at = row * params.d;
  for (var k = lid; k < params.d; k += ${AT_ONCE * ROW_THREADS}u) {
    ${
      unroll(AT_ONCE, (n) =>
        `let k${n} = k + ${n * ROW_THREADS}u; let e${n} = e[at + min(k${n}, params.d - 1u)];`)
    }
    ${
      unroll(AT_ONCE, (n) =>
        `if (k${n} < params.d) { scaled[params.scaledAt + at + k${n}] = e${n} * factor; }`)
    }
  }
}`,
  }),
);
