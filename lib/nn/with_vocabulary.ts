import { Random } from "../data/random.ts";
import type { ModelFiles, WeightSource } from "./model_files.ts";

/** The word embeddings of GPT-2, BERT and DistilBERT, by the names that files give them. */
const WORD_EMBEDDINGS = /(^|\.)(word_embeddings|wte)\.weight$/;

/**
 * A model's files as if its vocabulary had `size` tokens: the word embeddings get more rows, which
 * start random (normal, with the configuration's `initializer_range`), and config.json says so.
 * It is what `resize_token_embeddings(size)` of transformers did until version 4.45; later versions
 * draw new rows around the mean of the old ones.
 *
 * ```ts ignore
 * const files = withVocabulary(modelDir("models/bert-base-uncased"), 30_526);
 * using model = await Bert.load(gpu, files, { newHead: true, classes: 15 });
 * ```
 *
 * @param size at least the size that the files have
 * @param seed the same seed gives the same rows
 * @throws {RangeError} when the tensors are opened, if the files have more rows
 */
export function withVocabulary(
  files: ModelFiles,
  size: number,
  { seed = 0 }: { seed?: number } = {},
): ModelFiles {
  const config = async () => JSON.parse(await files.readText("config.json"));
  return {
    async readText(name) {
      const text = await files.readText(name);
      if (name !== "config.json") return text;
      return JSON.stringify({ ...JSON.parse(text), vocab_size: size }, null, 2) + "\n";
    },
    async openTensors(name) {
      const { initializer_range = 0.02 } = await config();
      const source = await files.openTensors(name);
      try {
        return larger(source, size, { seed, deviation: initializer_range });
      } catch (error) {
        source[Symbol.dispose]();
        throw error;
      }
    },
    writeText: (name, text) => files.writeText(name, text),
    writeTensors: (name, tensors) => files.writeTensors(name, tensors),
  };
}

function larger(
  source: WeightSource & Disposable,
  size: number,
  { seed, deviation }: { seed: number; deviation: number },
): WeightSource & Disposable {
  const entries = new Map(source.entries);
  for (const [name, { shape, dtype }] of source.entries) {
    if (!WORD_EMBEDDINGS.test(name)) continue;
    const [rows, width] = shape;
    if (!(Number.isSafeInteger(size) && size >= rows)) {
      throw new RangeError(
        `size is ${size}; expected a whole number of at least ${rows}, the rows of ${name}.`,
      );
    }
    entries.set(name, { shape: [size, width], dtype });
  }
  return {
    entries,
    readFloat32(name) {
      const { data } = source.readFloat32(name);
      const { shape: [rows, width] } = entries.get(name)!;
      if (!WORD_EMBEDDINGS.test(name) || data.length === rows * width) return { data };
      const random = new Random(seed).fork(`new rows of ${name}`);
      const more = new Float32Array(rows * width);
      more.set(data);
      for (let i = data.length; i < more.length; i++) more[i] = deviation * random.normal();
      return { data: more };
    },
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}
