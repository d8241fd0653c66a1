import { byteOfUnit, CHARACTER_OF_BYTE } from "./byte_alphabet.ts";
import { checkVocabSize, describeSpecialTokens } from "./train_options.ts";
import { countWords, type WordCounts } from "./count_words.ts";
import { eachText } from "./each_text.ts";
import { Gpt2Splitter } from "./gpt2_splitter.ts";
import { learnMerges, type WordList } from "./learn_merges.ts";
import { Tokenizer } from "./tokenizer.ts";

/** How {@link trainBpe} trains. */
export interface TrainBpeOptions {
  /** Tokens to end up with, bytes and special tokens included; fewer if pairs run out. */
  vocabSize: number;
  /** Pairs that occur less often than this are not merged. */
  minFrequency?: number;
  /** Tokens that are never split; they get the first ids. */
  specialTokens?: readonly string[];
  /** Start from all 256 bytes, so that any text can be encoded, or only from those seen. */
  alphabet?: "all" | "seen";
  /** No token longer than this many bytes (exactly: Hugging Face's `max_token_length`). */
  maxTokenLength?: number;
  /** Called after each merge with the number of tokens and how often the merged pair occurred. */
  onMerge?: (tokens: number, count: number) => void;
}

/**
 * Trains a byte-level BPE tokenizer, the kind GPT-2 uses, on some texts. Each text is split on its
 * own; texts may come from a generator, so that a corpus need not fit into memory.
 *
 * The tokens and merges are those of Hugging Face's `BpeTrainer` with the `ByteLevel`
 * pre-tokeniser, ties included. Source: Sennrich, Haddow & Birch (2016), "Neural Machine
 * Translation of Rare Words with Subword Units"; Radford et al. (2019) for the bytes.
 *
 * ```ts
 * import { trainBpe } from "cutloss/text/mod.ts";
 *
 * const tokenizer = trainBpe(["aaabdaaabac"], { vocabSize: 259 });
 * console.log(tokenizer.encode("aaabdaaabac").tokens);
 * ```
 *
 * @throws RangeError if `vocabSize` has no room for the bytes and special tokens.
 * @throws TypeError if `texts` or `specialTokens` is one string, or has an item that is no string.
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const { vocabSize, specialTokens = [] } = options;
  const tokens = [...new Set(eachText(specialTokens, "specialTokens", "token"))];
  const counted = countWords(eachText(texts), (units) => new Gpt2Splitter(units));
  const bytes = toBytes(counted.words);
  const alphabet = options.alphabet === "seen" ? seenCharacters(bytes.bytes) : CHARACTER_OF_BYTE;
  // Hugging Face orders the alphabet by its characters, not by the bytes they stand for.
  for (const character of [...alphabet].sort()) {
    if (!tokens.includes(character)) tokens.push(character);
  }
  checkVocabSize(vocabSize, tokens.length);
  const merges = learnMerges(toWordList(bytes, counted, tokens), tokens, options);
  return Tokenizer.fromJson({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: describeSpecialTokens(specialTokens, tokens),
    normalizer: null,
    pre_tokenizer: byteLevel(),
    post_processor: null,
    decoder: byteLevel(),
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(({ left, right }) => [tokens[left], tokens[right]]),
    },
  });
}

function byteLevel() {
  return { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
}

interface WordBytes {
  bytes: Uint8Array;
  /** Where each word starts, and where the last one ends. */
  starts: Int32Array;
}

/** The UTF-8 bytes of all words. */
function toBytes(words: WordCounts["words"]): WordBytes {
  const encoder = new TextEncoder();
  const starts = new Int32Array(words.size + 1);
  const unitCount = words.size === 0 ? 0 : words.starts[words.size];
  let bytes = new Uint8Array(3 * unitCount);
  let at = 0;
  for (let word = 0; word < words.size; word++) {
    starts[word] = at;
    at += encoder.encodeInto(words.word(word), bytes.subarray(at)).written;
  }
  starts[words.size] = at;
  bytes = bytes.slice(0, at);
  return { bytes, starts };
}

function seenCharacters(bytes: Uint8Array): string[] {
  return CHARACTER_OF_BYTE.filter((_, byte) => bytes.includes(byte));
}

function toWordList(words: WordBytes, counted: WordCounts, tokens: readonly string[]): WordList {
  const idOfByte = new Int32Array(256);
  tokens.forEach((token, id) => {
    const byte = token.length === 1 ? byteOfUnit(token.charCodeAt(0)) : -1;
    if (byte >= 0) idOfByte[byte] = id;
  });
  const symbols = Int32Array.from(words.bytes, (byte) => idOfByte[byte]);
  return { symbols, starts: words.starts, counts: counted.counts };
}
