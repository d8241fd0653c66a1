import { wholeNumbers } from "../nn/inputs.ts";

/** Prompts of different lengths as one batch, padded on the left. */
export interface PaddedPrompts {
  ids: Int32Array[];
  /** Undefined if all prompts are equally long. */
  mask: Int32Array[] | undefined;
  /** Length of the longest. */
  time: number;
}

/**
 * Pads prompts on the left, so that all end where text goes on.
 *
 * @param longest most tokens of a text, those to come included.
 * @throws {RangeError} if a prompt is empty or leaves no room.
 */
export function padPrompts(
  prompts: readonly ArrayLike<number>[],
  newTokens: number,
  longest: number,
): PaddedPrompts {
  if (prompts.length === 0) throw new RangeError("prompts is empty; expected at least one.");
  if (!(Number.isSafeInteger(newTokens) && newTokens >= 1)) {
    throw new RangeError(`maxNewTokens is ${newTokens}; expected a whole number of at least 1.`);
  }
  const lengths = prompts.map(({ length }) => length), time = Math.max(...lengths);
  for (const [i, length] of lengths.entries()) {
    if (length === 0) throw new RangeError(`prompts[${i}] is empty; expected at least one token.`);
    if (length + newTokens > longest) {
      throw new RangeError(
        `prompts[${i}] has ${length} tokens; with maxNewTokens = ${newTokens} that is more than the ` +
          `${longest} positions of the model.`,
      );
    }
  }
  const ids = prompts.map((prompt, i) => {
    const row = new Int32Array(time);
    row.set(wholeNumbers(`prompts[${i}]`, prompt), time - prompt.length);
    return row;
  });
  const mask = lengths.map((length) => new Int32Array(time).fill(1, time - length));
  return { ids, mask: lengths.every((length) => length === time) ? undefined : mask, time };
}

/** Throws unless a loop over batches of this size comes to its end. */
export function checkBatchSize(caller: string, batchSize: number): void {
  if (Number.isSafeInteger(batchSize) && batchSize >= 1) return;
  throw new RangeError(
    `${caller}(): batchSize is ${batchSize}; expected a whole number of at least 1.`,
  );
}

/** Ids that end a text, as a set. */
export function endTokens(end: number | readonly number[] | undefined): ReadonlySet<number> {
  return new Set(end === undefined ? [] : typeof end === "number" ? [end] : end);
}

/** Throws unless text may not end before a whole number of new tokens. */
export function checkMinNewTokens(minNewTokens: number): void {
  if (Number.isSafeInteger(minNewTokens) && minNewTokens >= 0) return;
  throw new RangeError(
    `minNewTokens is ${minNewTokens}; expected a whole number of at least 0.`,
  );
}

/**
 * Tokens that a caller allows, each once: given twice, a token is no second way to go on.
 *
 * @throws {RangeError} naming the first that is none of the vocabulary.
 */
export function allowedTokens(tokens: readonly number[], vocabulary: number): Set<number> {
  for (const token of tokens) {
    if (Number.isInteger(token) && token >= 0 && token < vocabulary) continue;
    throw new RangeError(
      `allowed() gave the token ${token}; expected tokens from 0 to ${vocabulary - 1}.`,
    );
  }
  return new Set(tokens);
}

/**
 * Logits of the tokens that may follow, −∞ for all others.
 *
 * @throws {RangeError} if there are none, if one is none of the vocabulary, or if a logit is no number.
 */
export function mayFollow(
  logits: Float32Array,
  { allowed, refused }: { allowed?: readonly number[]; refused?: ReadonlySet<number> },
): Float32Array {
  checkLogits(logits);
  if (!allowed && !refused?.size) return logits;
  const kept = allowed ? new Float32Array(logits.length).fill(-Infinity) : logits.slice();
  for (const token of allowedTokens(allowed ?? [], logits.length)) kept[token] = logits[token];
  for (const token of refused ?? []) kept[token] = -Infinity;
  if (kept.some((logit) => logit > -Infinity)) return kept;
  throw new RangeError(
    allowed?.length === 0
      ? "allowed() gave no token; expected at least one that may follow."
      : "No token may follow: those that are allowed end the text before minNewTokens.",
  );
}

/** Throws if a logit is NaN or +∞: any choice among them would be made up. */
export function checkLogits(logits: Float32Array): void {
  const at = logits.findIndex((logit) => !(logit < Infinity));
  if (at < 0) return;
  throw new RangeError(
    `The model's logit of token ${at} is ${
      logits[at]
    }; its weights or what they were loaded from ` +
      `are damaged.`,
  );
}
