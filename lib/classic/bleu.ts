/**
 * BLEU: how many n-grams of an output occur in its reference.
 *
 * Papineni, Roukos, Ward, Zhu: "BLEU: a method for automatic evaluation of machine translation",
 * ACL 2002: the geometric mean of clipped n-gram precisions of orders 1 to 4, summed over the
 * corpus, times a penalty for outputs shorter than their references. Values are from 0 to 1.
 */

/** The longest n-grams that BLEU counts. */
export const BLEU_ORDER = 4;

/**
 * What one sentence adds to a corpus's BLEU: [length of the output, length of the reference,
 * matches of order 1 … 4, n-grams of order 1 … 4 in the output]. Statistics of sentences add up.
 */
export function bleuStatistics(reference: readonly string[], output: readonly string[]): number[] {
  const matches: number[] = [];
  const totals: number[] = [];
  for (let n = 1; n <= BLEU_ORDER; n++) {
    const inReference = countNgrams(reference, n);
    let clipped = 0;
    for (const [ngram, count] of countNgrams(output, n)) {
      clipped += Math.min(count, inReference.get(ngram) ?? 0);
    }
    matches.push(clipped);
    totals.push(Math.max(0, output.length - n + 1));
  }
  return [output.length, reference.length, ...matches, ...totals];
}

/**
 * BLEU of summed statistics.
 *
 * @param smooth adds 1 to matches and totals of orders 2 to 4 (Lin and Och 2004), as is usual for
 *   single sentences, where one absent order would make the value 0
 */
export function bleuOfStatistics(
  statistics: readonly number[],
  { smooth = false }: { smooth?: boolean } = {},
): number {
  const [outputLength, referenceLength] = statistics;
  let logSum = 0;
  for (let n = 1; n <= BLEU_ORDER; n++) {
    const added = smooth && n > 1 ? 1 : 0;
    const matches = statistics[1 + n] + added;
    const total = statistics[1 + BLEU_ORDER + n] + added;
    if (matches === 0 || total === 0) return 0;
    logSum += Math.log(matches / total);
  }
  const brevity = outputLength < referenceLength ? Math.exp(1 - referenceLength / outputLength) : 1;
  return brevity * Math.exp(logSum / BLEU_ORDER);
}

/** BLEU of a whole corpus, one reference for each output. */
export function corpusBleu(
  references: readonly (readonly string[])[],
  outputs: readonly (readonly string[])[],
): number {
  if (references.length !== outputs.length) {
    throw new RangeError(
      `There must be as many references as outputs, but there were ${references.length} and ` +
        `${outputs.length}.`,
    );
  }
  const sum: number[] = new Array(2 + 2 * BLEU_ORDER).fill(0);
  for (let i = 0; i < outputs.length; i++) {
    bleuStatistics(references[i], outputs[i]).forEach((value, k) => sum[k] += value);
  }
  return bleuOfStatistics(sum);
}

function countNgrams(words: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const ngram = words.slice(i, i + n).join(" ");
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}
