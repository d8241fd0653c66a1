/**
 * The words of the controlled English of {@link "./sentence_grammar.ts"}.
 *
 * Every word stands in one class only, and no two forms of a verb look alike: this is what makes
 * the order of a sentence's words unique. Nouns and adjectives that may follow "a" begin with a
 * consonant.
 */

/** Someone who does something to one of several things. */
export interface Occupation {
  readonly name: string;
  /** The verb after "will". */
  readonly base: string;
  readonly past: string;
  readonly present: string;
  readonly objects: readonly string[];
  readonly field: Field;
}

/** A walk of life; its words go only with its own occupations. */
export interface Field {
  readonly name: string;
  readonly places: readonly string[];
  readonly tools: readonly string[];
  readonly personAdjectives: readonly string[];
  readonly thingAdjectives: readonly string[];
}

/** Splits a line of words. */
export function words(line: string): string[] {
  return line.split(" ");
}

/** One line per field, `name: places, tools, adjectives of persons, of things`, then occupations. */
const TABLE = `
food: kitchen bakery tavern, ladle knife whisk, hungry cheerful plump, sweet salty warm spicy
  baker bake baked bakes, loaf cake pie
  cook boil boiled boils, soup stew pudding
  butcher slice sliced slices, ham sausage steak
  waiter serve served serves, breakfast lunch dinner
sea: harbour beach lighthouse, rope net compass, brave weathered bearded, wooden leaky slim rusty
  sailor steer steered steers, boat raft ferry
  fisher catch caught catches, cod trout salmon
  captain command commanded commands, fleet crew vessel
  diver find found finds, pearl shell wreck
music: theatre studio festival, microphone metronome baton, famous gifted vain, gentle loud joyful solemn
  singer sing sang sings, song ballad hymn
  drummer strike struck strikes, drum cymbal gong
  pianist play played plays, waltz sonata tune
  composer write wrote writes, symphony march requiem
building: quarry scaffold workshop, hammer crane drill, strong dusty skilled, tall narrow massive solid
  builder build built builds, bridge tower house
  painter paint painted paints, wall fence door
  mason lay laid lays, floor path foundation
  plumber mend mended mends, pipe tap boiler
land: valley village meadow, tractor spade sickle, sunburnt thrifty stubborn, ripe golden juicy heavy
  farmer grow grew grows, pumpkin cabbage melon
  shepherd guard guarded guards, lamb flock goat
  gardener plant planted plants, rose tulip hedge
  miller grind ground grinds, seed kernel husk
science: laboratory university observatory, microscope telescope formula, curious clever brilliant, rare subtle precise strange
  chemist mix mixed mixes, potion solvent dye
  physicist measure measured measures, particle wave force
  biologist study studied studies, cell beetle fern
  astronomer observe observed observes, planet comet galaxy
law: courthouse parliament prison, statute seal signature, strict honest grave, legal secret lengthy complex
  judge hear heard hears, case plea trial
  lawyer defend defended defends, client suspect thief
  senator propose proposed proposes, law reform tax
  detective solve solved solves, crime mystery riddle
travel: airport station depot, map radio ticket, punctual restless reckless, fast noisy crowded silver
  pilot fly flew flies, plane glider jet
  driver drive drove drives, bus truck taxi
  mechanic repair repaired repairs, motor brake wheel
  porter carry carried carries, suitcase trunk bag
craft: market mill cottage, needle chisel mould, tidy nimble quiet, fine plain delicate shiny
  tailor sew sewed sews, coat dress shirt
  smith forge forged forges, sword shield blade
  potter shape shaped shapes, vase bowl jug
  weaver weave wove weaves, carpet scarf blanket
letters: school library museum, pencil dictionary blackboard, young wise kind, short difficult popular funny
  teacher explain explained explains, lesson theorem poem
  student learn learned learns, proverb chapter language
  author publish published publishes, novel story memoir
  editor correct corrected corrects, draft comma headline
medicine: hospital clinic pharmacy, bandage syringe scalpel, calm tired careful, deep painful serious mild
  doctor treat treated treats, wound fever cough
  nurse comfort comforted comforts, child baby veteran
  dentist pull pulled pulls, tooth molar crown
  surgeon remove removed removes, tumour splinter bullet
`;

/** All 44 occupations of 11 fields. */
export const OCCUPATIONS: readonly Occupation[] = readTable(TABLE);

function readTable(table: string): Occupation[] {
  const occupations: Occupation[] = [];
  let field: Field | undefined;
  for (const line of table.trim().split("\n")) {
    if (!line.startsWith(" ")) {
      const [name, rest] = line.split(": ");
      const [places, tools, personAdjectives, thingAdjectives] = rest.split(", ").map(words);
      field = { name, places, tools, personAdjectives, thingAdjectives };
    } else {
      const [verb, objects] = line.trim().split(", ").map(words);
      const [name, base, past, present] = verb;
      occupations.push({ name, base, past, present, objects, field: field! });
    }
  }
  return occupations;
}
