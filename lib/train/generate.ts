import { Random } from "../data/random.ts";
import type { Decoder, DecoderCache } from "../nn/decoder.ts";
import { checkMinNewTokens, endTokens, mayFollow, padPrompts } from "./prompts.ts";
import { type SamplingOptions, tokenProbabilities } from "./sampling.ts";

/** Options of {@linkcode generate}. */
export interface GenerateOptions {
  maxNewTokens: number;
  /** New tokens before which no text ends (default 0). */
  minNewTokens?: number;
  /** Token (or tokens) that ends a text. */
  endOfText?: number | readonly number[];
  /** Draws tokens instead of taking the likeliest; the same seed draws the same. */
  sample?: SamplingOptions & { seed?: number };
  /**
   * The only tokens that may follow what a text has so far, at least one (default: all); as
   * transformers' `prefix_allowed_tokens_fn`, with new tokens only.
   */
  allowed?: (prompt: number, tokens: readonly number[]) => readonly number[];
  /** Called with each new token, for each text that goes on: to show text as it comes. */
  onToken?: (token: number, prompt: number) => void | Promise<void>;
}

/**
 * Goes on with texts, token by token: the likeliest each time, or drawn.
 *
 * Prompts may differ in length; they are padded on the left, as transformers wants it for
 * generation. What one prompt gets does not depend on the others.
 *
 * ```ts
 * import { generate, Gpt2, Gpu } from "cutloss";
 * using gpu = await Gpu.open();
 * using model = new Gpt2(gpu, { vocabulary: 50, positions: 16, width: 8, layers: 1, heads: 2 });
 * const sample = { temperature: 0.8, topK: 10, seed: 1 };
 * const [first, second] = await generate(model, [[7], [8, 9]], { maxNewTokens: 5, sample });
 * ```
 *
 * @param prompts token ids of each.
 * @returns the new tokens of each, up to and with the end of text.
 * @throws {RangeError} if an option is out of its range, if a prompt is empty or leaves no room, or if
 *   no token may follow.
 */
export async function generate<Cache extends DecoderCache>(
  model: Decoder<Cache>,
  prompts: readonly ArrayLike<number>[],
  { maxNewTokens, minNewTokens = 0, endOfText, sample, allowed, onToken }: GenerateOptions,
): Promise<number[][]> {
  checkMinNewTokens(minNewTokens);
  const { ids, mask, time } = padPrompts(prompts, maxNewTokens, model.longest);
  const batch = prompts.length, ends = endTokens(endOfText);
  using cache = model.cache({ batch, capacity: time + maxNewTokens, ...(mask ? { mask } : {}) });
  const texts = prompts.map((): number[] => []);
  const open = prompts.map(() => true);
  const randoms = sample
    ? prompts.map((_, i) => new Random(sample.seed ?? 0).fork("generate").fork(i))
    : [];
  let next: readonly ArrayLike<number>[] = ids;
  for (let made = 0; made < maxNewTokens && open.includes(true); made++) {
    using logits = model.next(next, cache);
    const all = await logits.read(), width = all.length / batch;
    const tokens: number[] = [];
    for (let i = 0; i < batch; i++) {
      const row = mayFollow(all.subarray(i * width, (i + 1) * width), {
        allowed: open[i] ? allowed?.(i, texts[i]) : undefined,
        refused: made < minNewTokens ? ends : undefined,
      });
      const token = sample
        ? randoms[i].weighted(tokenProbabilities(row, sample))
        : row.reduce((best, value, id) => value > row[best] ? id : best, 0);
      tokens.push(open[i] ? token : 0);
      if (!open[i]) continue;
      texts[i].push(token);
      open[i] = !ends.has(token);
      await onToken?.(token, i);
    }
    next = tokens.map((token) => [token]);
  }
  return texts;
}
