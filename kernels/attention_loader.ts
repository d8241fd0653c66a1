/**
 * Brings operands of attention from device memory to workgroup memory, a step of the depth at a time.
 *
 * An operand arrives as `stage[k][r / 4]`, four rows (or columns) r to an element. In memory either
 * the depth is contiguous ("k": queries, keys and values by their heads' width; blocks of 4 × 4 are
 * transposed in registers), or the rows are ("mn": values by keys). Threads take blocks of 4 × 4 in
 * turn; a block waits in registers while the step before it is multiplied.
 *
 * What lies beyond the matrix is never read: the last row stands for rows after it (their weight is 0,
 * but 0 · NaN would spoil a sum), zeros for depths and columns after the last.
 */
import { join, unroll } from "./kernel.ts";

/** A matrix in device memory. */
export interface AttentionOperand {
  /** Where it is bound; of two, `second` in WGSL tells which. */
  bindings: readonly string[];
  order: "k" | "mn";
  /** Whether the binding is an array of vec4f. */
  vector: boolean;
  /** WGSL: first element, elements from one memory row to the next, number of memory rows. */
  base: string;
  stride: string;
  rows: string;
}

const XYZW = "xyzw";

export class AttentionLoader {
  readonly blocks: number;
  /** Blocks that a thread takes. */
  readonly #rounds: number;

  /**
   * @param stage array in workgroup memory, also the prefix of registers.
   * @param width rows (columns) of the stage, `step` its depth.
   * @param first WGSL of the first memory row for order "k".
   * @param memoryRow WGSL of the memory row of a depth for order "mn".
   * @param length elements of a memory row: the depth for "k", the columns for "mn".
   * @param firstThread takes the first block.
   */
  constructor(
    private readonly operand: AttentionOperand,
    private readonly stage: "stageA" | "stageB",
    private readonly width: number,
    private readonly step: number,
    private readonly threads: number,
    private readonly length: number,
    private readonly place: ({ first: string } | { memoryRow: (k: string) => string }) & {
      length?: string;
    },
    private readonly firstThread = 0,
  ) {
    this.blocks = (width / 4) * (step / 4);
    this.#rounds = Math.ceil(this.blocks / threads);
  }

  #register(round: number, i: number): string {
    return `${this.stage}_${round}_${i}`;
  }

  #address(round: number, i: number): string {
    return `${this.stage}_at${round}_${i}`;
  }

  /** WGSL for the owner of a block, which knows its first row `rq` and depth `kq`. */
  #each(code: (round: number) => string): string {
    const { threads, firstThread, blocks, width, step, operand } = this;
    return unroll(this.#rounds, (round) => {
      const thread = firstThread === 0
        ? "lid"
        : `((lid + ${threads - firstThread}u) % ${threads}u)`;
      const block = `(${thread} + ${round * threads}u)`;
      // Neighbouring threads read neighbouring memory. For order "k" eight of them form 2 × 4 blocks,
      // so that what they write at a time, transposed, falls into different banks.
      const place = operand.order === "mn"
        ? `let rq = ${block} % ${width / 4}u * 4u; let kq = ${block} / ${width / 4}u * 4u;`
        : step % 8 === 0 && width % 16 === 0
        ? `let kq = (${block} % 2u + ${block} / 8u % ${step / 8}u * 2u) * 4u; ` +
          `let rq = (${block} / 2u % 4u + ${block} / ${step}u * 4u) * 4u;`
        : `let kq = ${block} % ${step / 4}u * 4u; let rq = ${block} / ${step / 4}u * 4u;`;
      const whole = (round + 1) * threads <= blocks;
      return `${whole ? "" : `if (${block} < ${blocks}u) `}{ ${place} ${code(round)} }`;
    });
  }

  /** Registers, and for order "k" the addresses of a block's rows, which do not change. */
  declare(): string {
    const { operand: { vector, base, stride, rows }, place } = this;
    const registers = unroll(
      this.#rounds,
      (round) => join(4, " ", (i) => `var ${this.#register(round, i)}: vec4f;`),
    );
    if (!("first" in place)) return registers;
    return [
      registers,
      unroll(this.#rounds, (round) => join(4, " ", (i) => `var ${this.#address(round, i)} = 0u;`)),
      this.#each((round) =>
        join(4, " ", (i) => {
          const at = `${base} + min(${place.first} + rq + ${i}u, ${rows} - 1u) * ${stride} + kq`;
          return `${this.#address(round, i)} = ${vector ? `(${at}) / 4u` : at};`;
        })
      ),
    ].join("\n");
  }

  /** Loads a step into registers, `depth` being WGSL of its first depth. */
  load(depth: string): string {
    const { operand: { bindings: [first, second = first], vector, base, stride, rows } } = this;
    const { place, step, width, length } = this;
    const limit = place.length ?? `${length}u`;
    const block = (binding: string, round: number) =>
      join(4, " ", (i) => {
        const register = this.#register(round, i);
        let at: string, column: string, guarded: boolean;
        if ("first" in place) {
          at = `${this.#address(round, i)} + ${depth}${vector ? " / 4u" : ""}`;
          column = `${depth} + kq`;
          guarded = length % step !== 0 || place.length !== undefined;
        } else {
          const row = `min(${place.memoryRow(`(${depth} + kq + ${i}u)`)}, ${rows} - 1u)`;
          at = `${base} + ${row} * ${stride} + rq`;
          if (vector) at = `(${at}) / 4u`;
          column = "rq";
          guarded = length !== width || place.length !== undefined;
        }
        if (vector) {
          const value = `${binding}[${at}]`;
          return `${register} = ${
            guarded ? `select(vec4f(0.0), ${value}, ${column} < ${limit})` : value
          };`;
        }
        return `{ let at = ${at}; ${register} = vec4f(${
          join(
            4,
            ", ",
            (c) => `select(0.0, ${binding}[at + ${c}u], ${column} + ${c}u < ${limit})`,
          )
        }); }`;
      });
    return this.#each((round) =>
      first === second
        ? block(first, round)
        : `if (second) { ${block(second, round)} } else { ${block(first, round)} }`
    );
  }

  /** Stores the registers into workgroup memory. */
  store(): string {
    return this.#each((round) =>
      join(4, " ", (i) => {
        const value = this.operand.order === "k"
          ? `vec4f(${join(4, ", ", (r) => `${this.#register(round, r)}.${XYZW[i]}`)})`
          : this.#register(round, i);
        return `${this.stage}[kq + ${i}u][quad${this.stage.slice(-1)} + rq / 4u] = ${value};`;
      })
    );
  }
}
