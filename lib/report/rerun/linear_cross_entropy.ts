/** The loss of a language model and its gradients, three ways and one with a filter, over tokens. */
import { trainedLike } from "../../data/language_model.ts";
import { linearCrossEntropy } from "../../losses/linear_cross_entropy.ts";
import { measureLoss } from "../../losses/measure_loss.ts";
import type { LinearCrossEntropyOptions } from "../../losses/options.ts";
import type { Gpu } from "../../tensor/gpu.ts";
import { readWithoutGrad } from "../../tensor/read_without_grad.ts";
import { difference } from "./difference.ts";
import type { Check, Experiment, Plan, Report, Session, Settings } from "./experiment.ts";
import { lossReference } from "./loss_reference.ts";
import { runExperiment, type RunOptions } from "./run_experiment.ts";

/** The paper's threshold: probabilities below it are left out of gradients. */
const FILTER = 2 ** -12;

/** Ways to compute the loss. */
const WAYS: Record<string, LinearCrossEntropyOptions> = {
  "naive": { impl: "naive" },
  "chunked": { impl: "chunked" },
  "cut, exact": { impl: "cut" },
  "cut, filtered": { impl: "cut", filterEps: FILTER },
};

/** Tokens, vocabulary and width of the check: more than one tile each, none a multiple of one. */
const CHECKED = { n: 67, v: 301, d: 37 };

/** What sums in 32 bits may be off by; measured: about 3e-7. */
const EXACT = 2e-5;

/** What `lib/report/rerun/run_experiment.ts` runs. */
export const experiment: Experiment = {
  series: Object.keys(WAYS),
  power: 1,

  async check(gpu) {
    const { n, v, d } = CHECKED;
    const { e, c, targets } = trainedLike({ n, v, d, peak: 11 });
    targets[3] = -100;
    const expected = lossReference(e, c, targets, d);
    using embeddings = gpu.tensor(e, [n, d], { requiresGrad: true });
    using classifier = gpu.tensor(c, [v, d], { requiresGrad: true });
    const checks: Check[] = [];
    for (const [series, options] of Object.entries(WAYS)) {
      using loss = linearCrossEntropy(embeddings, classifier, targets, options);
      loss.backward();
      // What the filter leaves out of a row is less than its threshold for each entry.
      const tolerance = options.filterEps ? EXACT + FILTER * v / 4 : EXACT;
      const found: [string, ArrayLike<number>, ArrayLike<number>, number][] = [
        ["loss", [await loss.item()], [expected.loss], EXACT],
        ["gradient of E", await embeddings.grad!.read(), expected.de, tolerance],
        ["gradient of C", await classifier.grad!.read(), expected.dc, tolerance],
      ];
      for (const [what, actual, wanted, tolerance] of found) {
        checks.push({ series, what, error: difference(actual, wanted), tolerance });
      }
      embeddings.zeroGrad();
      classifier.zeroGrad();
    }
    return checks;
  },

  open: (gpu, settings, steps) => openSession(gpu, settings, steps),
};

/** @param settings v, d and seed. */
function openSession(gpu: Gpu, { v, d, seed }: Settings, steps: readonly number[]): Session {
  // The tokens of a small batch are the first ones of a large batch.
  const data = trainedLike({ n: Math.max(...steps), v, d, seed });
  const c = gpu.tensor(data.c, [v, d], { requiresGrad: true });
  return {
    at(n) {
      const e = gpu.tensor(data.e.subarray(0, n * d), [n, d], { requiresGrad: true });
      const targets = data.targets.slice(0, n);
      return {
        measure: (series, rounds) => measureLoss(e, c, targets, WAYS[series], { rounds }),
        value: async (series) => {
          const [[loss]] = await readWithoutGrad(gpu, (hold) => {
            hold(linearCrossEntropy(e, c, targets, WAYS[series]));
          });
          return loss;
        },
        [Symbol.dispose]() {
          e.zeroGrad();
          c.zeroGrad();
          e.dispose();
        },
      };
    },
    [Symbol.dispose]: () => c.dispose(),
  };
}

/** Runs the experiment as a page asks for it. */
export function run(plan: Plan, options?: RunOptions): Promise<Report> {
  return runExperiment(experiment, plan, options);
}
