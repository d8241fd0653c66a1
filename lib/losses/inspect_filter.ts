/** What a filter of cut cross-entropy would keep, for those who want to see it. */
import { REFERENCE_BYTE } from "../../kernels/cut_rows.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cutForward } from "./cut.ts";
import type { LinearCrossEntropyOptions } from "./options.ts";
import { Problem } from "./problem.ts";

/** Shares of the logits' gradient that a filter keeps, from 0 to 1. */
export interface KeptShares {
  /** Of all pairs of a row and a vocabulary tile: what this library multiplies. */
  pairs: number;
  /** Of all tiles of rows × vocabulary entries, if one surviving row kept its whole tile. */
  tiles: number;
}

/**
 * The forward pass's upper bounds, on the host: for every row and vocabulary tile the largest
 * probability of an entry other than the target.
 */
export class FilterMap {
  constructor(
    /** Rows, that is tokens that count. */
    readonly rows: number,
    /** Vocabulary tiles, and the entries that each covers. */
    readonly tiles: number,
    readonly tileColumns: number,
    /** [tiles, rows]: ln of the largest probability, at most; −Infinity: less than can be told. */
    readonly logBounds: Float32Array,
  ) {}

  /** [tiles, rows]: 1 where a row's part of a tile takes part in the gradient, 0 elsewhere. */
  survivors(filterEps: number): Uint8Array {
    const logEps = Math.log(filterEps);
    return Uint8Array.from(this.logBounds, (bound) => bound > logEps ? 1 : 0);
  }

  /**
   * How much a filter keeps.
   *
   * @param tile rows and vocabulary entries of the tiles that are counted (default 128 × 128); its
   *   columns a multiple of `tileColumns`
   */
  kept(filterEps: number, tile = { rows: 128, columns: 128 }): KeptShares {
    if (tile.columns % this.tileColumns !== 0) {
      throw new RangeError(
        `tile.columns is ${tile.columns}; expected a multiple of ${this.tileColumns}, the columns ` +
          `that share a bound on this adapter.`,
      );
    }
    const { rows, tiles } = this, across = tile.columns / this.tileColumns;
    const bands = Math.ceil(rows / tile.rows), wide = Math.ceil(tiles / across);
    const keptPairs = new Uint8Array(wide * rows), keptTiles = new Uint8Array(wide * bands);
    this.survivors(filterEps).forEach((survives, at) => {
      if (!survives) return;
      const row = at % rows, column = Math.floor(Math.floor(at / rows) / across);
      keptPairs[column * rows + row] = 1;
      keptTiles[column * bands + Math.floor(row / tile.rows)] = 1;
    });
    return { pairs: share(keptPairs), tiles: share(keptTiles) };
  }
}

/** The share of ones. */
function share(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
}

/**
 * Runs the forward pass of `linearCrossEntropy(e, c, targets, { impl: "cut", filterEps })` and reads
 * back the bounds by which its backward pass chooses what to compute.
 *
 * ```ts ignore
 * const map = await inspectFilter(e, c, targets);
 * console.log(map.kept(2 ** -12)); // { pairs: 0.0024, tiles: 0.26 }
 * ```
 *
 * @param e f32 [..., D] with at least one target that counts.
 * @param c f32 [V, D].
 * @param targets as for the loss.
 * @param options `bias`, `softcap`, `ignoreIndex` and `shift` of the loss.
 */
export async function inspectFilter(
  e: Tensor,
  c: Tensor,
  targets: Tensor | Int32Array,
  options: Pick<LinearCrossEntropyOptions, "bias" | "softcap" | "ignoreIndex" | "shift"> = {},
): Promise<FilterMap> {
  // The bounds do not depend on the threshold, but only a filter keeps them.
  const p = new Problem(e, c, targets, { ...options, impl: "cut", filterEps: 0.5 });
  try {
    if (p.rowCount === 0) {
      throw new RangeError("All targets are ignored; expected one that counts.");
    }
    const { keepMap, lse } = cutForward(p, true);
    const { bounds, reference, rowWords, tiles, tile } = keepMap!;
    const [bytes, references, lses] = await p.gpu.readBytes([bounds, reference, lse]);
    const quarters = new Uint8Array(bytes), rows = p.rowCount;
    const from = new Float32Array(references), to = new Float32Array(lses);
    const logBounds = new Float32Array(tiles * rows);
    for (let t = 0; t < tiles; t++) {
      for (let row = 0; row < rows; row++) {
        const quarter = quarters[t * rowWords * 4 + row];
        // See kernels/cut_forward.ts: quarter nats above the target's logit, 1 and 255 open-ended.
        logBounds[t * rows + row] = quarter <= 1
          ? -Infinity
          : quarter === 255
          ? 0
          : Math.min(0, (quarter - REFERENCE_BYTE) / 4 + from[row] - to[row]);
      }
    }
    return new FilterMap(rows, tiles, tile.n, logBounds);
  } finally {
    p.release();
  }
}
