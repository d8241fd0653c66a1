/** The training that tests/fixtures/nn/make.py did in PyTorch, done here. */
import { AdamW } from "../../lib/train/adamw.ts";
import { schedule } from "../../lib/train/schedule.ts";
import type { Model } from "../../lib/nn/model.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { assertClose } from "../nn/fixtures.ts";

const STEPS = 10, WARMUP = 3, TOTAL = 14, RATE = 5e-3, DECAY = 0.1, CLIP = 0.5;

/** Ten steps on one batch; every loss must be PyTorch's within 1e-4. */
export async function assertTrains(
  model: Model,
  loss: () => Tensor,
  expected: { losses: number[]; norms: number[] },
): Promise<void> {
  const { gpu } = model;
  using optimizer = new AdamW(model.weights, {
    learningRate: RATE,
    betas: [0.9, 0.98],
    weightDecay: DECAY,
    maxGradNorm: CLIP,
  });
  const factor = schedule(TOTAL, { warmupSteps: WARMUP });
  const losses: number[] = [], norms: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    using value = loss();
    value.backward();
    optimizer.learningRate = RATE * factor(step);
    optimizer.step();
    optimizer.zeroGrad();
    const [[found], [norm]] = await gpu.read([value, optimizer.gradNorm]);
    losses.push(found);
    norms.push(norm);
  }
  assertClose(losses, expected.losses, "loss of step", 1e-4);
  assertClose(norms, expected.norms, "norm of gradients of step", 1e-4, 1e-3);
}
