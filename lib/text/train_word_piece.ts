import { BertSplitter } from "./bert_splitter.ts";
import { countWords, type WordCounts } from "./count_words.ts";
import { eachText } from "./each_text.ts";
import { learnMerges, type WordList } from "./learn_merges.ts";
import { bertRule, Normalizer } from "./normalize.ts";
import { Tokenizer } from "./tokenizer.ts";
import { checkVocabSize, describeSpecialTokens } from "./train_options.ts";

/** How {@link trainWordPiece} trains. */
export interface TrainWordPieceOptions {
  /** Tokens to end up with, characters and special tokens included; fewer if pairs run out. */
  vocabSize: number;
  /** Pairs that occur less often than this are not merged. */
  minFrequency?: number;
  /** Lower case without accents, as `bert-base-uncased`; true unless said otherwise. */
  lowercase?: boolean;
  /** Keep only this many different characters, the most frequent ones. */
  limitAlphabet?: number;
  /** Called after each merge with the number of tokens and how often the merged pair occurred. */
  onMerge?: (tokens: number, count: number) => void;
}

/** BERT's special tokens; they get the first ids, in this order. */
const SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const PREFIX = "##";

/**
 * Trains a WordPiece tokenizer, the kind BERT uses, on some texts, with BERT's normaliser,
 * pre-tokeniser and template (`[CLS] A [SEP] B [SEP]`).
 *
 * Google's own trainer was never published. This does what Hugging Face's `WordPieceTrainer` does:
 * byte-pair merges of characters, where every character but a word's first carries `##`. That
 * library numbers the `##` characters in the order of a hash table with a random seed, so its ids
 * and its choice among equally frequent pairs change from run to run; here they are numbered in
 * the order of their code points, and the result is always the same.
 *
 * @throws RangeError if `vocabSize` has no room for the characters and special tokens.
 * @throws TypeError if `texts` is one string, or has an item that is no string.
 */
export function trainWordPiece(texts: Iterable<string>, options: TrainWordPieceOptions): Tokenizer {
  const normalizer = {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: options.lowercase ?? true,
  };
  const rule = new Normalizer([bertRule({
    cleanText: true,
    handleChineseCharacters: true,
    stripAccents: null,
    lowercase: normalizer.lowercase,
  })]);
  const counted = countWords(normalized(texts, rule), (units) => new BertSplitter(units));
  const tokens = [...SPECIAL_TOKENS];
  const list = toWordList(counted, tokens, options.limitAlphabet);
  checkVocabSize(options.vocabSize, tokens.length);
  learnMerges(list, tokens, { ...options, continuingPrefix: PREFIX });
  const idOf = (token: string) => ({ id: token, ids: [tokens.indexOf(token)], tokens: [token] });
  const [cls, sep] = ["[CLS]", "[SEP]"].map((id) => ({ SpecialToken: { id, type_id: 0 } }));
  const first = { Sequence: { id: "A", type_id: 0 } };
  const second = { Sequence: { id: "B", type_id: 1 } };
  return Tokenizer.fromJson({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: describeSpecialTokens(SPECIAL_TOKENS, tokens),
    normalizer,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [cls, first, sep],
      pair: [cls, first, sep, second, { SpecialToken: { id: "[SEP]", type_id: 1 } }],
      special_tokens: { "[CLS]": idOf("[CLS]"), "[SEP]": idOf("[SEP]") },
    },
    decoder: { type: "WordPiece", prefix: PREFIX, cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: PREFIX,
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  });
}

function* normalized(texts: Iterable<string>, rule: Normalizer): Generator<string> {
  for (const text of eachText(texts)) yield rule.apply(text);
}

/** Appends the alphabet to `tokens`, and spells the words with it. */
function toWordList(counted: WordCounts, tokens: string[], limitAlphabet?: number): WordList {
  const spelled = Array.from(counted.counts, (_, word) => [...counted.words.word(word)]);
  const frequency = new Map<string, number>();
  spelled.forEach((characters, word) => {
    for (const character of characters) {
      frequency.set(character, (frequency.get(character) ?? 0) + counted.counts[word]);
    }
  });
  const byCode = (a: string, b: string) => a.codePointAt(0)! - b.codePointAt(0)!;
  const kept = [...frequency.keys()].sort(byCode)
    .sort((a, b) => frequency.get(b)! - frequency.get(a)!)
    .slice(0, limitAlphabet).sort(byCode);
  const inside = new Set(spelled.flatMap((characters) => characters.slice(1)));
  tokens.push(...kept, ...kept.filter((character) => inside.has(character)).map((c) => PREFIX + c));
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const starts = new Int32Array(spelled.length + 1);
  const symbols: number[] = [];
  spelled.forEach((characters, word) => {
    characters.forEach((character, index) => {
      if (!idOf.has(character)) return;
      symbols.push(idOf.get(index === 0 ? character : PREFIX + character)!);
    });
    starts[word + 1] = symbols.length;
  });
  return { symbols: Int32Array.from(symbols), starts, counts: counted.counts };
}
