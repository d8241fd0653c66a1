/**
 * A training with dropout, evaluations and checkpoints that prints its losses as it goes: run by
 * train_test.ts, which kills it. Arguments: the folder of checkpoints, and a step whose losses it tells
 * and then waits to be killed.
 */
import { checkpointDir } from "../../lib/hub/checkpoint_dir.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { train } from "../../lib/train/train.ts";
import type { TrainOptions } from "../../lib/train/train_options.ts";
import type { Gpt2Batch } from "../../lib/nn/gpt2.ts";
import { countingData, sequences, TINY } from "./counting.ts";

/** The options but for the model. */
export function resumableOptions(): Omit<TrainOptions<Gpt2Batch>, "model"> {
  return {
    data: countingData(),
    steps: 24,
    accumulate: 2,
    seed: 11,
    optimizer: { learningRate: 0.01, maxGradNorm: 1 },
    schedule: { warmupSteps: 4, decay: "cosine" },
    evaluate: { every: 6, data: [{ ids: sequences.slice(80) }] },
  };
}

if (import.meta.main) {
  const [folder, last] = Deno.args;
  using gpu = await Gpu.open();
  using model = new Gpt2(gpu, TINY, { seed: 2 });
  await train({
    ...resumableOptions(),
    model,
    checkpoints: { store: checkpointDir(folder), every: 5 },
    onProgress: async ({ records, evaluation }) => {
      for (const { step, loss, gradNorm } of records) {
        console.log(`step ${step} ${loss} ${gradNorm}`);
      }
      if (evaluation) console.log(`evaluation ${evaluation.step} ${evaluation.loss}`);
      const waits = records.some(({ step }) => String(step) === last);
      if (waits) await new Promise((resolve) => setTimeout(resolve, 1e9));
    },
  });
}
