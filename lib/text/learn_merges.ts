import { CandidateHeap } from "./candidate_heap.ts";
import { PairTable } from "./pair_table.ts";
import { grow } from "./word_table.ts";

/** What {@link learnMerges} works on: the different words of a corpus as runs of token ids. */
export interface WordList {
  /** Token ids of all words, one word behind the other. It is overwritten while merging. */
  symbols: Int32Array;
  /** Word `i` is `symbols[starts[i] … starts[i + 1]]`; one entry more than there are words. */
  starts: Int32Array;
  /** How often each word occurs in the corpus. */
  counts: Float64Array;
}

/** When to stop, and what may be merged. */
export interface LearnMergesOptions {
  /** Learn until there are this many tokens, the initial ones included. */
  vocabSize: number;
  /** Stop when the best pair occurs less often than this. */
  minFrequency?: number;
  /** No token longer than this many initial symbols (Hugging Face's `max_token_length`). */
  maxTokenLength?: number;
  /** What a token that follows another within a word starts with (WordPiece's `##`). */
  continuingPrefix?: string;
  /** Called after each merge with the number of tokens and the count of the merged pair. */
  onMerge?: (tokens: number, count: number) => void;
}

/** One learned merge: the tokens `left` and `right`, beside each other, become `result`. */
export interface Merge {
  left: number;
  right: number;
  result: number;
  /** How often the pair occurred when it was merged. */
  count: number;
}

/**
 * Learns byte-pair merges (Sennrich, Haddow & Birch 2016, algorithm 1) and appends the new tokens
 * to `tokens`.
 *
 * Instead of counting all pairs again for each merge, it keeps the count of every pair and, for
 * each, a list of the words that may contain it. Merging a pair visits only those words and
 * changes only the counts of the neighbours. Candidates wait in a heap with the count they had
 * when they entered; one whose count has changed since then is put back with its new count.
 *
 * Cost: every visit of a word that merges something shortens it, so the lists hold at most two
 * entries per initial symbol beyond the first ones; memory and list work are linear in the length
 * of the different words, not in the corpus.
 *
 * Which pair wins follows Hugging Face's `BpeTrainer` to the letter: the highest count, then the
 * smaller left id, then the smaller right id; a merge whose text is already a token reuses its id.
 */
export function learnMerges(
  words: WordList,
  tokens: string[],
  options: LearnMergesOptions,
): Merge[] {
  return new MergeLearner(words, tokens, options).run();
}

class MergeLearner {
  readonly #pairs = new PairTable();
  readonly #heap: CandidateHeap;
  readonly #idOf = new Map<string, number>();
  readonly #tokens: string[];
  readonly #options: LearnMergesOptions;
  readonly #symbols: Int32Array;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #wordCounts: Float64Array;
  /** Length of each token in initial symbols. */
  readonly #tokenLengths: number[];

  /** How often each pair occurs now. */
  #counts = new Float64Array(1 << 9);
  /** Per pair, the newest entry of its list of words that no candidate has taken yet. */
  #pending = new Int32Array(1 << 9).fill(-1);
  /** Pairs that have such a list. */
  #touched: number[] = [];

  // The lists of words: entry i says "word listWord[i]", and goes on at listNext[i].
  #listWord = new Int32Array(1 << 12);
  #listNext = new Int32Array(1 << 12);
  #listSize = 0;

  constructor(words: WordList, tokens: string[], options: LearnMergesOptions) {
    this.#symbols = words.symbols;
    this.#starts = words.starts;
    this.#wordCounts = words.counts;
    this.#tokens = tokens;
    this.#options = options;
    tokens.forEach((token, id) => this.#idOf.set(token, id));
    this.#tokenLengths = tokens.map(() => 1);
    this.#lengths = new Int32Array(words.counts.length);
    this.#heap = new CandidateHeap(this.#pairs);
    this.#countAllPairs();
  }

  run(): Merge[] {
    const { vocabSize, minFrequency = 0, onMerge } = this.#options;
    const merges: Merge[] = [];
    while (this.#tokens.length < vocabSize) {
      const candidate = this.#heap.pop();
      if (!candidate) break;
      const { pair, list } = candidate;
      const count = this.#counts[pair];
      if (candidate.count !== count) {
        this.#heap.push(pair, count, list);
        continue;
      }
      if (count < 1 || count < minFrequency) break;
      const left = this.#pairs.left[pair], right = this.#pairs.right[pair];
      const result = this.#tokenFor(left, right);
      merges.push({ left, right, result, count });
      for (let entry = list; entry >= 0; entry = this.#listNext[entry]) {
        this.#mergeInWord(this.#listWord[entry], left, right, result);
      }
      this.#offerTouchedPairs();
      onMerge?.(this.#tokens.length, count);
    }
    return merges;
  }

  #countAllPairs(): void {
    for (let word = 0; word < this.#lengths.length; word++) {
      const from = this.#starts[word], to = this.#starts[word + 1];
      this.#lengths[word] = to - from;
      for (let i = from; i + 1 < to; i++) {
        this.#change(this.#symbols[i], this.#symbols[i + 1], this.#wordCounts[word], word);
      }
    }
    this.#offerTouchedPairs();
  }

  /** Adds `count` to a pair's count; a pair that has gained occurrences notes the word. */
  #change(left: number, right: number, count: number, word: number): void {
    const pair = this.#pairs.intern(left, right);
    if (pair >= this.#counts.length) {
      const before = this.#pending.length;
      this.#counts = grow(this.#counts, pair + 1);
      this.#pending = grow(this.#pending, pair + 1);
      this.#pending.fill(-1, before);
    }
    this.#counts[pair] += count;
    if (count <= 0) return;
    const newest = this.#pending[pair];
    // Words are visited one after the other, so a repetition can only be the newest entry.
    if (newest >= 0 && this.#listWord[newest] === word) return;
    if (newest < 0) this.#touched.push(pair);
    const entry = this.#listSize++;
    if (entry >= this.#listWord.length) {
      this.#listWord = grow(this.#listWord, entry + 1);
      this.#listNext = grow(this.#listNext, entry + 1);
    }
    this.#listWord[entry] = word;
    this.#listNext[entry] = newest;
    this.#pending[pair] = entry;
  }

  #offerTouchedPairs(): void {
    for (const pair of this.#touched) {
      if (this.#counts[pair] > 0) {
        this.#heap.push(pair, this.#counts[pair], this.#pending[pair]);
      }
      this.#pending[pair] = -1;
    }
    this.#touched.length = 0;
  }

  /** The id of the token that two tokens make together; a new one unless its text is known. */
  #tokenFor(left: number, right: number): number {
    const prefix = this.#options.continuingPrefix;
    let tail = this.#tokens[right];
    if (prefix && tail.startsWith(prefix)) tail = tail.slice(prefix.length);
    const text = this.#tokens[left] + tail;
    let id = this.#idOf.get(text);
    if (id === undefined) {
      id = this.#tokens.length;
      this.#tokens.push(text);
      this.#idOf.set(text, id);
    }
    this.#tokenLengths[id] = this.#tokenLengths[left] + this.#tokenLengths[right];
    return id;
  }

  /** Replaces the pair from left to right in one word, and keeps the counts of its neighbours. */
  #mergeInWord(word: number, left: number, right: number, result: number): void {
    const symbols = this.#symbols, from = this.#starts[word], count = this.#wordCounts[word];
    const to = from + this.#lengths[word];
    let write = from, read = from;
    while (read < to) {
      const symbol = symbols[read];
      if (symbol !== left || read + 1 >= to || symbols[read + 1] !== right) {
        symbols[write++] = symbol;
        read++;
        continue;
      }
      if (write > from) {
        const before = symbols[write - 1];
        this.#change(before, left, -count, word);
        if (this.#mayJoin(before, result)) this.#change(before, result, count, word);
      }
      read += 2;
      if (read < to) {
        const after = symbols[read];
        this.#change(right, after, -count, word);
        if (this.#mayJoin(result, after)) this.#change(result, after, count, word);
      }
      symbols[write++] = result;
    }
    this.#lengths[word] = write - from;
  }

  #mayJoin(left: number, right: number): boolean {
    const longest = this.#options.maxTokenLength;
    return longest === undefined ||
      this.#tokenLengths[left] + this.#tokenLengths[right] < longest;
  }
}
