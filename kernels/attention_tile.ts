/**
 * What the attention kernels share: a workgroup's tile of scores, how operands reach it, which
 * entries count.
 *
 * A workgroup owns `rows` rows (queries, or keys when the gradients of keys are computed) and walks
 * over blocks of `columns` columns. Every product has the form acc(r, c) += Σ_k A(k, r)·B(k, c), with
 * A and B in workgroup memory as rows of k whose elements are four r or four c (see tile.ts):
 *
 *   scores    A = Qᵀ, B = Kᵀ            k runs over the head's width, both come from device memory
 *   weighted  A = Pᵀ (the tile), B = V  k runs over the block's columns
 *
 * The tile of weights lies in workgroup memory as [columns][rows / 4], so that it is an A operand as
 * it stands. Its columns are dealt out in another order, (c mod 4)·columns/4 + ⌊c / 4⌋: so that eight
 * neighbouring threads, which hold columns four apart, write to different banks. B is loaded in that
 * order too; a sum does not mind.
 */
import { AttentionLoader, type AttentionOperand } from "./attention_loader.ts";
import type { AttentionMask } from "./attention_problem.ts";
import { join, unroll, wgsl } from "./kernel.ts";

/** Sizes of a workgroup's work. */
export interface AttentionTile {
  /** Rows owned and columns of a block; multiples of 4 times the threads along them. */
  rows: number;
  columns: number;
  threadsX: number;
  threadsY: number;
  /** Depth of a step; divides `columns`. */
  step: number;
}

/** Names of the accumulators of a product: `{name}{row}_{group}`, each four columns wide. */
export interface Accumulators {
  name: string;
  /** Groups of four columns of a thread. */
  groups: number;
}

const XYZW = "xyzw";

/** Smaller than any score, and than what maxima start with. */
const HIDDEN = "-2.0e30";

/** Code of one attention kernel. */
export class AttentionCode {
  readonly threads: number;
  /** Rows of a thread, and groups of four rows. */
  readonly threadRows: number;
  readonly rowGroups: number;
  /** Groups of four columns of a thread in the tile of scores. */
  readonly groups: number;

  constructor(readonly tile: AttentionTile, readonly widest: number) {
    this.threads = tile.threadsX * tile.threadsY;
    this.threadRows = tile.rows / tile.threadsY;
    this.rowGroups = this.threadRows / 4;
    this.groups = tile.columns / tile.threadsX / 4;
    if (![this.rowGroups, this.groups, tile.columns / tile.step].every(Number.isInteger)) {
      throw new RangeError(`No attention tile: ${JSON.stringify(tile)}.`);
    }
  }

  /** Groups of four columns of a thread in a result `width` wide. */
  groupsFor(width: number): number {
    return Math.ceil(width / (4 * this.tile.threadsX));
  }

  /** Workgroup memory: staging for both operands, and `tiles` tiles of weights. */
  memory(tiles: number): string {
    const { rows, columns, step, threadsX } = this.tile;
    const widest = Math.max(columns, this.groupsFor(this.widest) * 4 * threadsX);
    // One element more than needed in a row, so that rows start in different banks.
    const staging = (name: string, width: number) =>
      `var<workgroup> ${name}: array<array<vec4f, ${width / 4 + 1}>, ${step}>;`;
    return [
      staging("stageA", rows),
      staging("stageB", widest),
      ...Array.from(
        { length: tiles },
        (_, i) =>
          `var<workgroup> weights${i}: array<array<array<vec4f, ${rows / 4 + 1}>, ${step}>, ${
            columns / step
          }>;`,
      ),
    ].join("\n");
  }

  /** Thread coordinates `tx`, `ty`: 32 neighbours form a rectangle of 8 × 4 and share their loads. */
  index(): string {
    const { threadsX, threadsY } = this.tile;
    return threadsX % 8 === 0 && threadsX > 8 && threadsY % 4 === 0
      ? wgsl`
  let bundle = lid / 32u;
  let tx = bundle % ${threadsX / 8}u * 8u + lid % 8u;
  let ty = bundle / ${threadsX / 8}u * 4u + lid % 32u / 8u;`
      : `let tx = lid % ${threadsX}u; let ty = lid / ${threadsX}u;`;
  }

  /** Registers of a product, set to zero. */
  declare({ name, groups }: Accumulators): string {
    return unroll(
      this.threadRows,
      (i) => join(groups, " ", (j) => `var ${name}${i}_${j} = vec4f(0.0);`),
    );
  }

  /** Sets them to zero again. */
  clear({ name, groups }: Accumulators): string {
    return unroll(
      this.threadRows,
      (i) => join(groups, " ", (j) => `${name}${i}_${j} = vec4f(0.0);`),
    );
  }

  /** Multiplies them by a factor. */
  scale({ name, groups }: Accumulators, factor: string): string {
    return unroll(
      this.threadRows,
      (i) => join(groups, " ", (j) => `${name}${i}_${j} *= ${factor};`),
    );
  }

  /** WGSL of a thread's i-th row within the tile. */
  row(i: number): string {
    return `(ty * 4u + ${(i >> 2) * this.tile.threadsY * 4 + (i & 3)}u)`;
  }

  /** WGSL of the first column of a thread's j-th group. */
  column(j: number): string {
    return `(tx * 4u + ${j * this.tile.threadsX * 4}u)`;
  }

  /** WGSL of the place in a tile of weights of column e of group j, for the row group g. */
  weight(tile: number, g: number, j: number, e: number): string {
    const { columns, step, threadsX, threadsY } = this.tile;
    const place = `(tx + ${e * columns / 4 + j * threadsX}u)`;
    return `weights${tile}[${place} / ${step}u][${place} % ${step}u][ty + ${g * threadsY}u]`;
  }

  /** WGSL of the four rows of group g in column e of group j of an accumulator. */
  across(name: string, g: number, j: number, e: number): string {
    return `vec4f(${join(4, ", ", (r) => `${name}${4 * g + r}_${j}.${XYZW[e]}`)})`;
  }

  #multiply({ name, groups }: Accumulators, a: (k: number, g: number) => string): string {
    const { step, threadsX } = this.tile;
    return unroll(
      step,
      (k) =>
        `{ ${join(this.rowGroups, " ", (g) => `let a${g} = ${a(k, g)};`)} ${
          join(groups, " ", (j) => `let b${j} = stageB[${k}][tx + ${j * threadsX}u];`)
        } ${
          join(this.threadRows, " ", (i) =>
            join(groups, " ", (j) =>
              `${name}${i}_${j} = fma(vec4f(a${i >> 2}.${XYZW[i & 3]}), b${j}, ${name}${i}_${j});`))
        } }`,
    );
  }

  /**
   * acc += A·B over `depth`, both operands from device memory, rows along the depth.
   *
   * @param a,b operands and their first rows.
   */
  scores(
    acc: Accumulators,
    depth: number,
    a: { operand: AttentionOperand; first: string },
    b: { operand: AttentionOperand; first: string },
  ): string {
    const { rows, columns, step, threadsY } = this.tile;
    const { threads } = this;
    const loadA = new AttentionLoader(a.operand, "stageA", rows, step, threads, depth, a);
    const loadB = new AttentionLoader(
      b.operand,
      "stageB",
      columns,
      step,
      threads,
      depth,
      b,
      loadA.blocks % threads,
    );
    const steps = Math.ceil(depth / step);
    return wgsl`{
${loadA.declare()}
${loadB.declare()}
${loadA.load("0u")}
${loadB.load("0u")}
for (var step = 0u; step < ${steps}u; step++) {
  ${loadA.store()}
  ${loadB.store()}
  workgroupBarrier();
  if (step + 1u < ${steps}u) {
    let depth0 = (step + 1u) * ${step}u;
    ${loadA.load("depth0")}
    ${loadB.load("depth0")}
  }
  ${this.#multiply(acc, (k, g) => `stageA[${k}][ty + ${g * threadsY}u]`)}
  workgroupBarrier();
}
}`;
  }

  /**
   * acc += (tile of weights)ᵀ·B over the columns of the block, B from device memory.
   *
   * @param width columns of B that exist.
   * @param b operand (order "mn") and its first memory row.
   * @param a WGSL of the weights from those of tile 0, 1, ….
   */
  weighted(
    acc: Accumulators,
    width: number,
    b: { operand: AttentionOperand; first: string },
    a: (weights: (tile: number) => string) => string,
  ): string {
    const { columns, step, threadsX, threadsY } = this.tile;
    const memoryRow = (k: string) =>
      `${b.first} + ${k} % ${columns / 4}u * 4u + ${k} / ${columns / 4}u`;
    const load = new AttentionLoader(
      b.operand,
      "stageB",
      acc.groups * 4 * threadsX,
      step,
      this.threads,
      width,
      { memoryRow },
    );
    const steps = columns / step;
    return wgsl`{
${load.declare()}
${load.load("0u")}
for (var step = 0u; step < ${steps}u; step++) {
  ${load.store()}
  workgroupBarrier();
  if (step + 1u < ${steps}u) {
    let depth0 = (step + 1u) * ${step}u;
    ${load.load("depth0")}
  }
  ${
      this.#multiply(
        acc,
        (k, g) => a((tile) => `weights${tile}[step][${k}][ty + ${g * threadsY}u]`),
      )
    }
  workgroupBarrier();
}
}`;
  }

  /**
   * Scores that do not count become so small that their weight is 0. Blocks in which every entry
   * counts are left alone: most blocks, unless flags of keys must be looked at.
   *
   * @param side what the rows are; the columns are the other.
   */
  hide({ name, groups }: Accumulators, mask: AttentionMask, side: "queries" | "keys"): string {
    const { rows, columns } = this.tile;
    const edge = mask.keys === "mask" ? ["true"] : side === "queries"
      ? [
        `column0 + ${columns}u > key_end`,
        ...(mask.causal ? [`column0 + ${columns - 1}u > row0 + shift`] : []),
      ]
      : [
        `column0 + ${columns}u > params.time_q`,
        `row0 + ${rows}u > key_end`,
        ...(mask.causal ? [`row0 + ${rows - 1}u > column0 + shift`] : []),
      ];
    const [row, column] = side === "queries" ? ["query", "key"] : ["key", "query"];
    const visible = (query: string, key: string) =>
      [
        `${key} < key_end`,
        ...(side === "keys" ? [`${query} < params.time_q`] : []),
        ...(mask.causal ? [`${key} <= ${query} + shift`] : []),
        ...(mask.keys === "mask"
          ? [`keys[batch * params.time_k + min(${key}, key_end - 1u)] != 0`]
          : []),
      ].join(" && ");
    const counts = (e: number) =>
      side === "queries" ? visible("query", `key + ${e}u`) : visible(`query + ${e}u`, "key");
    const group = (i: number, j: number) =>
      `{ let ${column} = column0 + ${
        this.column(j)
      }; ${name}${i}_${j} = select(vec4f(${HIDDEN}), ${name}${i}_${j}, vec4<bool>(${
        join(4, ", ", counts)
      })); }`;
    return wgsl`if (${edge.join(" || ")}) {
${
      unroll(
        this.threadRows,
        (i) => `{ let ${row} = row0 + ${this.row(i)}; ${join(groups, " ", (j) => group(i, j))} }`,
      )
    }
}`;
  }

  /** Writes accumulators, times `factor`, to memory rows `first` + row < `end`. */
  store(
    { name, groups }: Accumulators,
    to: { binding: string; vector: boolean; base: string; stride: string },
    first: string,
    end: string,
    width: number,
    factor: (i: number) => string,
  ): string {
    return unroll(
      this.threadRows,
      (i) =>
        `if (${first} + ${this.row(i)} < ${end}) { let at = ${to.base} + (${first} + ${
          this.row(i)
        }) * ${to.stride}; ${
          unroll(groups, (j) => {
            const value = `${factor(i)} * ${name}${i}_${j}`;
            return to.vector
              ? `if (${this.column(j)} < ${width}u) { ${to.binding}[(at + ${
                this.column(j)
              }) / 4u] = ${value}; }`
              : `{ let x = ${value}; ${
                unroll(4, (e) =>
                  `if (${this.column(j)} + ${e}u < ${width}u) { ${to.binding}[at + ${
                    this.column(j)
                  } + ${e}u] = x[${e}]; }`)
              } }`;
          })
        } }`,
    );
  }
}
