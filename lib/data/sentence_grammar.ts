/**
 * A controlled English whose word order can be recovered from the words alone.
 *
 * {@linkcode SentenceGrammar} makes random sentences of a {@linkcode SentenceLevel}, and has its
 * exact recogniser: {@linkcode SentenceGrammar.parse} tells whether a sequence of words is a
 * sentence, {@linkcode SentenceGrammar.orders} finds every sentence that a bag of words can form.
 * That this is never more than one is tested over all sentences up to renaming of words.
 *
 * ```ts
 * import { Random, SentenceGrammar } from "cutloss/data/mod.ts";
 *
 * const grammar = new SentenceGrammar(1);
 * const sentence = grammar.generate(new Random(0));
 * const scrambled = new Random(1).shuffle(sentence.slice());
 * console.log(grammar.orders(scrambled).length); // 1
 * ```
 */
import type { Random } from "./random.ts";
import type { Occupation } from "./sentence_lexicon.ts";
import { SENTENCE_LEVELS, type SentenceLevel, type Slot, type Tense } from "./sentence_levels.ts";

/** Who does something, and when. */
export interface ClausePlan {
  readonly occupation: Occupation;
  readonly tense: Tense;
}

/** The grammar of one level. */
export class SentenceGrammar {
  readonly #level: SentenceLevel;
  readonly #byName: ReadonlyMap<string, Occupation>;

  /** @param level 1, 2, or a language of your own */
  constructor(level: 1 | 2 | SentenceLevel) {
    this.#level = typeof level === "number" ? SENTENCE_LEVELS[level] : level;
    this.#byName = new Map(this.#level.occupations.map((o) => [o.name, o]));
  }

  /** A random sentence as words. */
  generate(random: Random): string[] {
    const { forms, maxWords } = this.#level;
    for (;;) {
      const { tenses } = forms[random.weighted(forms.map((form) => form.weight))];
      const plan = this.#randomPlan(tenses, random);
      const sentence: string[] = [];
      for (const { chance, classes } of this.slots(plan)) {
        if (chance < 1 && !random.chance(chance)) continue;
        for (const words of classes) {
          sentence.push(words.length === 1 ? words[0] : random.pick(words));
        }
      }
      if (sentence.length <= maxWords) return sentence;
    }
  }

  /** The clauses of a sentence, or undefined if the words in this order are no sentence. */
  parse(words: readonly string[]): ClausePlan[] | undefined {
    if (words.length > this.#level.maxWords) return undefined;
    const occupations = this.occupations(words);
    return this.plans(occupations).find((plan) => matches(this.slots(plan), words));
  }

  /** Every sentence that consists of exactly these words, whatever order they come in. */
  orders(words: readonly string[]): string[][] {
    if (words.length > this.#level.maxWords) return [];
    const bag = new Map<string, number>();
    for (const word of words) bag.set(word, (bag.get(word) ?? 0) + 1);
    const found = new Map<string, string[]>();
    for (const occupations of permutations(this.occupations(words))) {
      for (const plan of this.plans(occupations)) {
        for (const sentence of arrange(this.slots(plan), bag, words.length)) {
          found.set(sentence.join(" "), sentence);
        }
      }
    }
    return [...found.values()];
  }

  /** The people among these words, in their order. */
  occupations(words: readonly string[]): Occupation[] {
    return words.flatMap((word) => this.#byName.get(word) ?? []);
  }

  /** The slots of a sentence with these clauses. */
  slots(plan: readonly ClausePlan[]): Slot[] {
    return plan.flatMap(({ occupation, tense }, i) => {
      const clause = this.#level.clause(occupation, tense, i);
      if (i === 0) return clause;
      const connective = this.#level.connectives(plan[i - 1].tense, tense);
      return [{ chance: 1, classes: [connective] }, ...clause];
    });
  }

  /** All words, sorted. */
  vocabulary(): string[] {
    const all = new Set<string>();
    for (const occupation of this.#level.occupations) {
      for (const { tenses } of this.#level.forms) {
        const plan = tenses.map((tense) => ({ occupation, tense }));
        for (const { classes } of this.slots(plan)) classes.flat().forEach((word) => all.add(word));
      }
    }
    return [...all].sort();
  }

  /** The tenses that clauses about these people, in this order, may have. */
  plans(occupations: readonly Occupation[]): ClausePlan[][] {
    const { forms, compatible } = this.#level;
    const fit = occupations.every((a, i) =>
      occupations.slice(i + 1).every((b) => compatible(a, b))
    );
    if (!fit || occupations.length === 0) return [];
    return forms.filter(({ tenses }) => tenses.length === occupations.length)
      .map(({ tenses }) => tenses.map((tense, i) => ({ occupation: occupations[i], tense })));
  }

  #randomPlan(tenses: readonly Tense[], random: Random): ClausePlan[] {
    const plan: ClausePlan[] = [];
    while (plan.length < tenses.length) {
      const occupation = random.pick(this.#level.occupations);
      if (plan.every((clause) => this.#level.compatible(clause.occupation, occupation))) {
        plan.push({ occupation, tense: tenses[plan.length] });
      }
    }
    return plan;
  }
}

/** Whether `words` from `position` on can be read as `slots` from `index` on. */
function matches(
  slots: readonly Slot[],
  words: readonly string[],
  index = 0,
  position = 0,
): boolean {
  if (index === slots.length) return position === words.length;
  const { chance, classes } = slots[index];
  const taken = classes.every((words_, i) => words_.includes(words[position + i]));
  if (taken && matches(slots, words, index + 1, position + classes.length)) return true;
  return chance < 1 && matches(slots, words, index + 1, position);
}

/** Every way of filling `slots` with all the words of `bag`; leaves the bag as it was. */
function arrange(slots: readonly Slot[], bag: Map<string, number>, size: number): string[][] {
  const found: string[][] = [];
  const sentence: string[] = [];
  const fillClass = (slot: number, index: number): void => {
    if (index === slots[slot].classes.length) return fillSlot(slot + 1);
    for (const word of slots[slot].classes[index]) {
      const left = bag.get(word) ?? 0;
      if (left === 0) continue;
      bag.set(word, left - 1);
      sentence.push(word);
      fillClass(slot, index + 1);
      sentence.pop();
      bag.set(word, left);
    }
  };
  const fillSlot = (slot: number): void => {
    if (slot === slots.length) {
      if (sentence.length === size) found.push(sentence.slice());
      return;
    }
    fillClass(slot, 0);
    if (slots[slot].chance < 1) fillSlot(slot + 1);
  };
  fillSlot(0);
  return found;
}

function permutations<T>(items: readonly T[]): T[][] {
  // More people than a sentence holds cannot be arranged; their permutations would be many.
  if (items.length > 3) return [];
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [first, ...rest])
  );
}
