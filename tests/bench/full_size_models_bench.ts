/**
 * Finetuning models of full size in Hugging Face's layout: `deno task bench full_size_models`.
 *
 * full_size_models.py makes them of random weights (GPT-2 medium; BERT-base and DistilBERT with 15
 * classes); each is loaded, trained for some steps on generated data, and saved; full_size_models.py
 * loads what was saved and compares logits. Prints a table; `--save` writes
 * data/benchmarks/full_size_models.csv. First and last loss are means of five steps.
 *
 * Arguments: `--only bert` (part of a name), `--steps 50`, `--learning-rate 1e-4`, `--tiny` (small models and batches; the
 * default on the software adapter), `--folder DIR` (for the models; default: a temporary one, which
 * is removed), `--python python3`, `--save`.
 *
 * Without transformers the models of random weights are our own, and nobody checks them.
 */
import { parseArgs } from "node:util";
import { LANGUAGE_NAMES } from "../../lib/data/code_languages.ts";
import { randomProgram } from "../../lib/data/code_program.ts";
import { Random } from "../../lib/data/random.ts";
import { makeScrambledSentences } from "../../lib/data/scrambled_sentences.ts";
import { formatBytes } from "../../lib/gpu/errors.ts";
import { modelDir } from "../../lib/hub/model_dir.ts";
import { tuningOptions } from "../../lib/hub/tuning_store.ts";
import { Bert, type ClassifierBatch, DistilBert, Gpt2, type Gpt2Batch } from "../../lib/nn/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { train } from "../../lib/train/train.ts";
import type { Trainable } from "../../lib/train/train_options.ts";

/** Extent of a training. */
interface Sizes {
  batch: number;
  time: number;
  steps: number;
  /** Instead of the task's. */
  learningRate?: number;
}

/** What a model is trained on. */
interface Task<Batch> {
  /** What it is, for the table. */
  data: string;
  learningRate: number;
  /** Batches of these sizes; one depends on its number only. */
  batches: (sizes: Sizes, vocabulary: number) => (position: number) => Batch;
  /** Whether every step has the same batch, and no dropout. */
  oneBatch?: boolean;
}

/** Token ids, and which of them count. */
interface Texts {
  ids: Int32Array[];
  mask: Int32Array[];
}

/** A model that a batch goes into. */
type Subject<Batch> = Trainable<Batch> & {
  config: { vocabulary: number };
  logits(batch: Texts): Tensor;
};

/** What a training came to; a row of the table. */
interface Row {
  model: string;
  parameters: number;
  batch: number;
  tokens_per_sample: number;
  steps: number;
  first_loss: string;
  last_loss: string;
  ms_per_step: string;
  samples_per_s: string;
  tokens_per_s: string;
  peak_mib: string;
  gpu: string;
  loaded_by: string;
  logits_difference: string;
  data: string;
  date: string;
}

const SCRIPT = new URL("full_size_models.py", import.meta.url).pathname;
const TABLE = new URL("../../data/benchmarks/full_size_models.csv", import.meta.url);
const TINY = { vocabulary: 2000, width: 64, heads: 2, layers: 2 };

/** The models, with the sizes of their notebooks' trainings. */
const MODELS = {
  "gpt2-medium": {
    sizes: { batch: 32, time: 128 },
    prove: async (gpu: Gpu, dir: string, sizes: Sizes) =>
      prove(await Gpt2.load(gpu, modelDir(dir)), dir, sizes, {
        data: "scrambled sentences; new ones in each step",
        learningRate: 2e-4,
        batches: promptBatches,
      }),
  },
  "bert-base": {
    sizes: { batch: 16, time: 512 },
    prove: async (gpu: Gpu, dir: string, sizes: Sizes) =>
      prove(await Bert.load(gpu, modelDir(dir)), dir, sizes, CODE),
  },
  "distilbert": {
    sizes: { batch: 16, time: 512 },
    prove: async (gpu: Gpu, dir: string, sizes: Sizes) =>
      prove(await DistilBert.load(gpu, modelDir(dir)), dir, sizes, CODE),
  },
};

/** Runs the benchmark. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", default: "" },
      steps: { type: "string" },
      "learning-rate": { type: "string" },
      tiny: { type: "boolean" },
      folder: { type: "string" },
      python: { type: "string", default: "python3" },
      save: { type: "boolean" },
    },
  });
  const adapter = await (async () => {
    using gpu = await Gpu.open();
    return gpu.adapter;
  })();
  const tiny = values.tiny ?? adapter.software;
  const steps = Number(values.steps ?? (tiny ? 12 : 50));
  const folder = values.folder ?? await Deno.makeTempDir({ prefix: "full-size-models-" });
  const names = (Object.keys(MODELS) as (keyof typeof MODELS)[])
    .filter((name) => name.includes(values.only));
  const python = (what: string) =>
    runPython(values.python, [what, folder, ...(tiny ? ["--tiny"] : []), "--only", values.only]);
  console.log(adapter.description);
  try {
    const checked = await python("make");
    if (!checked) { for (const name of names) await makeOurs(name, `${folder}/${name}`, tiny); }
    const rows: Row[] = [];
    for (const name of names) {
      const { sizes, prove } = MODELS[name];
      const learningRate = values["learning-rate"] ? Number(values["learning-rate"]) : undefined;
      const size = { ...(tiny ? { batch: 4, time: 48 } : sizes), steps, learningRate };
      // A device of its own, so that the peak of its memory is that of this training.
      using gpu = await Gpu.open(tuningOptions());
      const found = await prove(gpu, `${folder}/${name}`, size);
      rows.push({ model: tiny ? `${name} (tiny)` : name, ...found });
    }
    if (checked) {
      if (!await python("check")) throw new Error("The models that were saved do not load.");
      const found = JSON.parse(await Deno.readTextFile(`${folder}/checked.json`));
      names.forEach((name, i) => {
        rows[i].loaded_by = found[name].loaded_by;
        rows[i].logits_difference = found[name].difference.toExponential(2);
      });
    }
    console.table(rows);
    const lines = [Object.keys(rows[0]), ...rows.map(Object.values)].map((row) => row.join(","));
    if (values.save) await Deno.writeTextFile(TABLE, lines.join("\n") + "\n");
  } finally {
    if (!values.folder) await Deno.remove(folder, { recursive: true });
  }
}

/** Whether the script did what it was asked; its output goes to ours. */
async function runPython(python: string, args: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(python, {
      args: [SCRIPT, ...args],
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`There is no ${python}.`);
    return false;
  }
}

/** Writes an untrained model of our own, where transformers is not installed. */
async function makeOurs(name: keyof typeof MODELS, dir: string, tiny: boolean) {
  using gpu = await Gpu.open();
  const size = tiny ? TINY : {}, classes = LANGUAGE_NAMES.length;
  using model = name === "gpt2-medium"
    ? new Gpt2(gpu, tiny ? size : { width: 1024, layers: 24, heads: 16 })
    : new (name === "bert-base" ? Bert : DistilBert)(gpu, { ...size, classes });
  await model.save(modelDir(dir));
}

/** Trains and saves a model, and leaves its logits of a sample beside what it saved. */
async function prove<Batch extends { ids: Int32Array[] }>(
  model: Subject<Batch>,
  dir: string,
  sizes: Sizes,
  { batches, oneBatch = false, ...task }: Task<Batch>,
): Promise<Omit<Row, "model">> {
  using _ = model;
  const { gpu } = model, { batch, time, steps, learningRate = task.learningRate } = sizes;
  const batchOf = batches(sizes, model.config.vocabulary);
  let position = 0;
  const start = performance.now();
  const { records, tokensPerSecond, peakMemory } = await train({
    model,
    steps,
    data: {
      get position() {
        return position;
      },
      set position(value) {
        position = value;
      },
      next: () => batchOf(oneBatch ? 0 : position++),
    },
    ...(oneBatch ? { loss: (batch: Batch) => model.loss(batch, {}) } : {}),
    optimizer: { learningRate, weightDecay: 0.01, maxGradNorm: 1 },
    schedule: { warmupSteps: 5, decay: "linear" },
  });
  const seconds = (performance.now() - start) / 1000;
  const losses = records.map(({ loss }) => loss);
  const mean = (values: readonly number[]) =>
    (values.reduce((sum, x) => sum + x, 0) / values.length).toFixed(4);
  const name = dir.slice(dir.lastIndexOf("/") + 1);
  console.log(`${name}: ${steps} steps in ${seconds.toFixed(1)} s, ${formatBytes(peakMemory)}`);
  console.log(`losses ${losses.map((loss) => loss.toFixed(3)).join(" ")}`);

  // Two texts that were not trained on, the second one shorter.
  const sample: Texts = {
    ids: batchOf(steps).ids.slice(0, 2),
    mask: [time, Math.ceil(0.7 * time)].map((length) => new Int32Array(time).fill(1, 0, length)),
  };
  const files = modelDir(`${dir}-trained`);
  await model.save(files);
  const plain = (rows: Int32Array[]) => rows.map((row) => Array.from(row));
  const text = JSON.stringify({ ids: plain(sample.ids), mask: plain(sample.mask) });
  await files.writeText("sample.json", text);
  {
    using _ = gpu.noGrad();
    using logits = model.logits(sample);
    const bytes = new Uint8Array((await logits.read()).buffer);
    await Deno.writeFile(`${files.path}/sample_logits.f32`, bytes);
  }
  return {
    parameters: model.weights.size,
    batch,
    tokens_per_sample: time,
    steps,
    first_loss: mean(losses.slice(0, 5)),
    last_loss: mean(losses.slice(-5)),
    ms_per_step: (1000 * batch * time / tokensPerSecond).toFixed(1),
    samples_per_s: (tokensPerSecond / time).toFixed(1),
    tokens_per_s: tokensPerSecond.toFixed(0),
    peak_mib: (peakMemory / 2 ** 20).toFixed(0),
    gpu: gpu.adapter.description.replaceAll(",", " "),
    loaded_by: "",
    logits_difference: "",
    data: task.data,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** A word's token id; ids are spread over the vocabulary, 0 to 3 are left for special tokens. */
class WordIds {
  readonly #known = new Map<string, number>();
  readonly #ids: Int32Array;

  constructor(vocabulary: number) {
    const ids = Int32Array.from({ length: vocabulary - 4 }, (_, i) => 4 + i);
    this.#ids = new Random(0).fork("ids of words").shuffle(ids);
  }

  id(word: string): number {
    const { size } = this.#known;
    if (!this.#known.has(word)) this.#known.set(word, this.#ids[size % this.#ids.length]);
    return this.#known.get(word)!;
  }
}

/**
 * Several sentences with their words shuffled, a separator, and the sentences: the second half is
 * learned. It is cut where it is too long, so that no position is padding.
 */
function promptBatches({ batch, time }: Sizes, vocabulary: number) {
  const words = new WordIds(vocabulary);
  const { train: sentences } = makeScrambledSentences({ level: 2, train: 5000, test: 0 });
  const ids = (text: string) => text.split(" ").map((word) => words.id(word));
  return (position: number): Gpt2Batch & Texts => {
    const random = new Random(0).fork("prompts").fork(position);
    const rows = Array.from({ length: batch }, () => {
      const wrong: number[] = [], right: number[] = [];
      const half = time / 2 - 1;
      while (wrong.length < half) {
        const { text, label } = random.pick(sentences);
        wrong.push(...ids(text));
        right.push(...ids(label));
      }
      const prompt = [...wrong.slice(0, half), 1];
      const row = Int32Array.from([...prompt, ...right.slice(0, time - prompt.length - 1), 2]);
      return { row, labels: row.map((id, i) => i < prompt.length ? -100 : id) };
    });
    return {
      ids: rows.map(({ row }) => row),
      labels: rows.map(({ labels }) => labels),
      mask: rows.map(({ row }) => row.map(() => 1)),
    };
  };
}

/**
 * Random programs, told apart by language. Fifty steps from random weights do not teach an encoder of
 * twelve layers that (BERT-base on new programs in each step: 2.84 to 2.72), so it gets the same
 * programs again and again, without dropout: a model that trains right learns them by heart.
 */
const CODE: Task<ClassifierBatch & Texts> = {
  data: "random programs; the same in each step without dropout",
  learningRate: 1e-4,
  oneBatch: true,
  batches({ batch, time }, vocabulary) {
    const words = new WordIds(vocabulary);
    return (position) => {
      const random = new Random(0).fork("programs").fork(position);
      const labels = Int32Array.from({ length: batch }, () => random.below(LANGUAGE_NAMES.length));
      const ids = Array.from(labels, (label) => {
        const row = [1];
        while (row.length < time) {
          const text = randomProgram(LANGUAGE_NAMES[label], random).join("\n") + "\n";
          for (const [word] of text.matchAll(/\w+|\s|[^\w\s]/g)) row.push(words.id(word));
        }
        return Int32Array.from(row.slice(0, time));
      });
      return { ids, mask: ids.map((row) => row.map(() => 1)), labels };
    };
  },
};

if (import.meta.main) await run(Deno.args);
