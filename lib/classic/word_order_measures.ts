/**
 * How well sentences were put back in order.
 */
import { BLEU_ORDER, bleuOfStatistics, bleuStatistics } from "./bleu.ts";
import { bootstrap, type BootstrapOptions, type Interval } from "./bootstrap.ts";

/** Measures over a set of sentences, each with its bootstrap interval. */
export interface WordOrderMeasures {
  /** How many sentences were measured. */
  readonly sentences: number;
  /** Share of sentences that are right in every word. */
  readonly exactMatch: Interval;
  /** Mean over sentences of the share of the reference's positions that hold the right word. */
  readonly positionAccuracy: Interval;
  /** BLEU of all sentences together, see {@link "./bleu.ts"}. */
  readonly bleu: Interval;
  /** Share of outputs that have exactly the words of their reference, in whatever order. */
  readonly permutations: Interval;
}

/**
 * Compares outputs with references, sentence by sentence.
 *
 * ```ts
 * import { measureWordOrder } from "cutloss/classic/mod.ts";
 *
 * const measures = measureWordOrder([["a", "b", "c"]], [["a", "c", "b"]]);
 * console.log(measures.positionAccuracy.value); // 1/3
 * ```
 */
export function measureWordOrder(
  references: readonly (readonly string[])[],
  outputs: readonly (readonly string[])[],
  options: BootstrapOptions = {},
): WordOrderMeasures {
  if (references.length !== outputs.length) {
    throw new RangeError(
      `There must be as many references as outputs, but there were ${references.length} and ` +
        `${outputs.length}.`,
    );
  }
  const rows = references.map((reference, i) => {
    const output = outputs[i];
    const placed = reference.filter((word, k) => word === output[k]).length;
    return [
      ...bleuStatistics(reference, output),
      placed === reference.length && output.length === reference.length ? 1 : 0,
      reference.length === 0 ? 1 : placed / reference.length,
      reference.toSorted().join("\u0000") === output.toSorted().join("\u0000") ? 1 : 0,
    ];
  });
  const first = 2 + 2 * BLEU_ORDER;
  const share = (column: number) => (sums: readonly number[], n: number) => sums[column] / n;
  return {
    sentences: rows.length,
    ...bootstrap(rows, {
      exactMatch: share(first),
      positionAccuracy: share(first + 1),
      bleu: (sums) => bleuOfStatistics(sums),
      permutations: share(first + 2),
    }, options),
  };
}
