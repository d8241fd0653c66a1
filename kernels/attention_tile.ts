/**
 * What the attention kernels share: a workgroup's tile of scores, how its threads hold it, which
 * entries count.
 *
 * A workgroup owns `rows` rows (queries, or keys when the gradients of keys are computed) and walks
 * over blocks of `columns` columns. Every product has the form acc(r, c) += Σ_k A(k, r)·B(k, c), with
 * A and B in workgroup memory as rows of k whose elements are four r or four c (see tile.ts):
 *
 *   scores    A = Qᵀ, B = Kᵀ  k runs over the head's width, both come from device memory
 *   weighted  A = Pᵀ, B = V   k runs over the block's columns
 *
 * The tile of weights stays in the registers of the threads that computed it. For the product with V,
 * whoever holds the columns of a step puts them where A is staged, as if they came from memory: no
 * tile in workgroup memory. That matters because an NVIDIA H200 gives all workgroups of a
 * multiprocessor about 54 KiB together: with 28 KiB each there would be one (measured).
 */
import type { AttentionMask } from "./attention_problem.ts";
import { join, unroll, wgsl } from "./kernel.ts";

/** Sizes of a workgroup's work. */
export interface AttentionTile {
  /** Rows owned and columns of a block; multiples of 4 times the threads along them. */
  rows: number;
  columns: number;
  threadsX: number;
  threadsY: number;
  /** Depth of a step; divides `columns` and is a multiple of `threadsX`. */
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
  /** Threads of a side. */
  readonly threads: number;
  /** Rows of a thread, and groups of four rows. */
  readonly threadRows: number;
  readonly rowGroups: number;
  /** Groups of four columns of a thread in the tile of scores. */
  readonly groups: number;

  /**
   * @param widest columns of the widest result.
   * @param sides of a workgroup: two work side by side on a head each, with the same tile.
   */
  constructor(readonly tile: AttentionTile, readonly widest: number, readonly sides: 1 | 2 = 1) {
    this.threads = tile.threadsX * tile.threadsY;
    this.threadRows = tile.rows / tile.threadsY;
    this.rowGroups = this.threadRows / 4;
    this.groups = tile.columns / tile.threadsX / 4;
    const { columns, step, threadsX } = tile;
    const parts = [this.rowGroups, this.groups, columns / step, step / threadsX];
    if (!parts.every(Number.isInteger)) {
      throw new RangeError(`No attention tile: ${JSON.stringify(tile)}.`);
    }
  }

  /** Groups of four columns of a thread in a result `width` wide. */
  groupsFor(width: number): number {
    return Math.ceil(width / (4 * this.tile.threadsX));
  }

  /** Columns that are staged of a side. */
  get #widestStage(): number {
    const { columns, threadsX } = this.tile;
    return Math.max(columns, this.groupsFor(this.widest) * 4 * threadsX);
  }

  /** Workgroup memory: staging for both operands. */
  memory(): string {
    // One element more than needed in a row, so that rows start in different banks.
    const staging = (name: string, width: number) =>
      `var<workgroup> ${name}: array<array<vec4f, ${
        this.sides * width / 4 + 1
      }>, ${this.tile.step}>;`;
    return `${staging("stageA", this.tile.rows)}\n${staging("stageB", this.#widestStage)}`;
  }

  /**
   * From `thread` its number in its side, `lid`, and its coordinates `tx`, `ty`: 32 neighbours form a
   * rectangle of 8 × 4 and share their loads. `quadA`, `quadB`: where its side's fours of rows and of
   * columns are staged. With two sides, `side` and whether it is the `second`.
   */
  index(): string {
    const { threads, sides, tile: { rows, threadsX, threadsY } } = this;
    const places = threadsX % 8 === 0 && threadsX > 8 && threadsY % 4 === 0
      ? wgsl`
  let bundle = lid / 32u;
  let tx = bundle % ${threadsX / 8}u * 8u + lid % 8u;
  let ty = bundle / ${threadsX / 8}u * 4u + lid % 32u / 8u;`
      : `let tx = lid % ${threadsX}u; let ty = lid / ${threadsX}u;`;
    return sides === 1 ? wgsl`let lid = thread; let quadA = 0u; let quadB = 0u; ${places}` : wgsl`
  let side = thread / ${threads}u;
  let second = side == 1u;
  let lid = thread % ${threads}u;
  let quadA = side * ${rows / 4}u;
  let quadB = side * ${this.#widestStage / 4}u;
  ${places}`;
  }

  /**
   * Each thread learns what its neighbour on the other side holds, by way of where operands are staged.
   *
   * @param use WGSL that does something with the neighbour's value, an expression.
   */
  exchange(
    { name, groups }: Accumulators,
    use: (i: number, j: number, value: string) => string,
  ): string {
    const { threads, threadRows, tile: { rows, step } } = this;
    /** Places where each thread of a side can leave a value: WGSL of its own, and of its neighbour's. */
    const slots = ([["A", rows / 4], ["B", this.#widestStage / 4]] as const).flatMap(
      ([stage, quads]) =>
        Array.from({ length: Math.floor(step * quads / threads) }, (_, slot) => {
          const at = `(lid + ${slot * threads}u)`, first = `stage${stage}[${at} / ${quads}u]`;
          const [own, other] = [`quad${stage}`, `(${quads}u - quad${stage})`];
          return {
            own: `${first}[${own} + ${at} % ${quads}u]`,
            other: `${first}[${other} + ${at} % ${quads}u]`,
          };
        }),
    );
    if (slots.length === 0) {
      throw new RangeError(`No attention tile for two sides: ${JSON.stringify(this.tile)}.`);
    }
    const values = Array.from({ length: threadRows * groups }, (_, at) => ({
      i: Math.floor(at / groups),
      j: at % groups,
    }));
    const rounds = Math.ceil(values.length / slots.length);
    return unroll(rounds, (round) => {
      const some = values.slice(round * slots.length, (round + 1) * slots.length);
      return wgsl`
${some.map(({ i, j }, at) => `${slots[at].own} = ${name}${i}_${j};`).join("\n")}
workgroupBarrier();
${some.map(({ i, j }, at) => use(i, j, slots[at].other)).join("\n")}
workgroupBarrier();`;
    });
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

  /** WGSL of the four rows of group g in column e of group j of an accumulator. */
  across(name: string, g: number, j: number, e: number): string {
    return `vec4f(${join(4, ", ", (r) => `${name}${4 * g + r}_${j}.${XYZW[e]}`)})`;
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
    // `&` rather than `&&`, which would be branches: dozens of them keep some compilers busy for minutes.
    const visible = (query: string, key: string) =>
      [
        `(${key} < key_end)`,
        ...(side === "keys" ? [`(${query} < params.time_q)`] : []),
        ...(mask.causal ? [`(${key} <= ${query} + shift)`] : []),
        ...(mask.keys === "mask"
          ? [`(keys[batch * params.time_k + min(${key}, key_end - 1u)] != 0)`]
          : []),
      ].join(" & ");
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
    to: {
      write: (at: string, value: string) => string;
      vector: boolean;
      base: string;
      stride: string;
    },
    first: string,
    end: string,
    width: string,
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
              ? `if (${this.column(j)} < ${width}) { ${
                to.write(`(at + ${this.column(j)}) / 4u`, value)
              } }`
              : `{ let x = ${value}; ${
                unroll(4, (e) =>
                  `if (${this.column(j)} + ${e}u < ${width}) { ${
                    to.write(`at + ${this.column(j)} + ${e}u`, `x[${e}]`)
                  } }`)
              } }`;
          })
        } }`,
    );
  }
}
