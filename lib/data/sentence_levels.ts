/**
 * The two levels of controlled English.
 *
 * A sentence is one to three clauses about different people at different times. What may stand
 * where depends on who does it (verb, object) and when (tense), so that words far apart decide
 * each other's place: the connective, say, tells whether the clause of the past comes first.
 */
import { type Occupation, OCCUPATIONS, words } from "./sentence_lexicon.ts";

/** When a clause takes place. */
export type Tense = "past" | "present" | "future";

/** A step of a sentence: with this chance, one word out of each class in turn. */
export interface Slot {
  readonly chance: number;
  readonly classes: readonly (readonly string[])[];
}

/** A controlled language: its people, its forms of sentence, its clauses and what joins them. */
export interface SentenceLevel {
  readonly occupations: readonly Occupation[];
  /** The tenses of a sentence's clauses in their order, each with its relative frequency. */
  readonly forms: readonly { readonly tenses: readonly Tense[]; readonly weight: number }[];
  /** Whether two people may stand in one sentence. */
  readonly compatible: (a: Occupation, b: Occupation) => boolean;
  readonly clause: (occupation: Occupation, tense: Tense, index: number) => readonly Slot[];
  readonly connectives: (before: Tense, after: Tense) => readonly string[];
  /** The most words a sentence may have; longer ones are not in the language. */
  readonly maxWords: number;
}

const always = (...classes: (readonly string[])[]): Slot => ({ chance: 1, classes });
const sometimes = (chance: number, ...classes: (readonly string[])[]): Slot => ({
  chance,
  classes,
});

const THE = ["the"], A = ["a"], ANOTHER = ["another"], THAT = ["that"], WILL = ["will"];
const FROM = ["from"], WITH = ["with"];

/** The verb in its tense; the future's "will" is a slot of its own, before the adverb. */
function verb(occupation: Occupation, tense: Tense): readonly string[] {
  return [tense === "future" ? occupation.base : occupation[tense]];
}

const TIMES_1: Record<string, readonly string[]> = {
  past: words("yesterday earlier once"),
  future: words("tomorrow later tonight"),
};
const CONNECTIVES_1 = words("and but while");
const PERSONS_1 = words("old young clever tired brave quiet proud kind");
const THINGS_1 = [words("small big strange famous heavy broken simple fine")]
  .concat([words("cheap rare modern shiny perfect huge")]);
const ADVERBS_1 = [words("slowly silently quickly gladly carefully rarely often soon")]
  .concat([words("probably certainly maybe surely finally")]);
const PREPOSITIONS_1 = words("near behind beside under");
const PLACES_1 = words("river market castle forest harbour station village garden");

/**
 * Level 1: 16 occupations, one or two clauses, the first of two always in the past. The two
 * clauses draw their modifiers from different classes, so short contexts go a long way.
 */
const level1: SentenceLevel = {
  // Every field's first two occupations, of eight fields.
  occupations: OCCUPATIONS.filter((_, i) => i % 4 < 2 && i < 32),
  forms: [
    { tenses: ["past"], weight: 0.15 },
    { tenses: ["future"], weight: 0.15 },
    { tenses: ["past", "future"], weight: 0.7 },
  ],
  compatible: (a, b) => a !== b,
  connectives: () => CONNECTIVES_1,
  maxWords: 20,
  clause: (occupation, tense, index) => [
    always(TIMES_1[tense], THE),
    ...(index === 0 ? [sometimes(0.5, PERSONS_1)] : []),
    always([occupation.name]),
    ...(index === 1 ? [sometimes(0.4, PREPOSITIONS_1, THAT, PLACES_1)] : []),
    ...(tense === "future" ? [always(WILL)] : []),
    sometimes(0.8, ADVERBS_1[index]),
    always(verb(occupation, tense), index === 0 ? A : ANOTHER),
    sometimes(0.8, THINGS_1[index]),
    always(occupation.objects),
  ],
};

const TIMES_2: Record<Tense, readonly string[]> = {
  past: words("yesterday earlier once previously"),
  present: words("today nowadays currently now"),
  future: words("tomorrow later tonight soon"),
};
const ADVERBS_2: Record<Tense, readonly string[]> = {
  past: words("quickly gladly suddenly secretly finally"),
  present: words("often always rarely usually sometimes"),
  future: words("probably certainly surely perhaps hopefully"),
};
const CONNECTIVES_2: Record<Tense, Partial<Record<Tense, readonly string[]>>> = {
  past: { present: words("so therefore"), future: words("and while") },
  present: { past: words("because since"), future: words("but yet") },
  future: { past: words("whereas after"), present: words("although though") },
};

/**
 * Level 2: 44 occupations in 11 fields, one to three clauses in any order of tenses. Modifiers,
 * places and tools belong to a field or a tense, not to a position: which clause a word belongs to
 * is seen only from words elsewhere, and which clause comes first only from the connectives.
 */
const level2: SentenceLevel = {
  occupations: OCCUPATIONS,
  forms: [
    ...orders(1, 0.25),
    ...orders(2, 0.5),
    ...orders(3, 0.25),
  ],
  compatible: (a, b) => a.field !== b.field,
  connectives: (before, after) => CONNECTIVES_2[before][after]!,
  maxWords: 36,
  clause: (occupation, tense) => [
    always(TIMES_2[tense], THE),
    sometimes(0.5, occupation.field.personAdjectives),
    always([occupation.name]),
    sometimes(0.3, FROM, THE, occupation.field.places),
    ...(tense === "future" ? [always(WILL)] : []),
    sometimes(0.5, ADVERBS_2[tense]),
    always(verb(occupation, tense), A),
    sometimes(0.5, occupation.field.thingAdjectives),
    always(occupation.objects),
    sometimes(0.3, WITH, A, occupation.field.tools),
  ],
};

/** Every order of `count` different tenses, sharing `weight`. */
function orders(count: number, weight: number): { tenses: Tense[]; weight: number }[] {
  const tenses: Tense[] = ["past", "present", "future"];
  let found: Tense[][] = [[]];
  for (let i = 0; i < count; i++) {
    found = found.flatMap((some) =>
      tenses.filter((tense) => !some.includes(tense)).map((tense) => [...some, tense])
    );
  }
  return found.map((tenses) => ({ tenses, weight: weight / found.length }));
}

/** The levels by their number. */
export const SENTENCE_LEVELS: Readonly<Record<1 | 2, SentenceLevel>> = { 1: level1, 2: level2 };
