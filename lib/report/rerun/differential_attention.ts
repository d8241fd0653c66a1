/** Causal attention and its gradients over the length of a sequence: ordinary and differential. */
import { fillNormals } from "../../data/normals.ts";
import { Random } from "../../data/random.ts";
import { mul } from "../../ops/arithmetic.ts";
import { attention } from "../../ops/attention.ts";
import { diffAttention, FUSED_BUFFERS } from "../../ops/diff_attention.ts";
import { mean, sum } from "../../ops/sum.ts";
import type { Gpu } from "../../tensor/gpu.ts";
import { measureRun } from "../../tensor/measure_run.ts";
import type { Shape } from "../../tensor/shape.ts";
import { readWithoutGrad } from "../../tensor/read_without_grad.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { attentionReference } from "./attention_reference.ts";
import { difference } from "./difference.ts";
import type { Check, Experiment, Plan, Report, Session, Settings } from "./experiment.ts";
import { runExperiment, type RunOptions } from "./run_experiment.ts";

const ORDINARY = "ordinary", DIFFERENTIAL = "differential";

/** λ of the paper's first layer. */
const LAMBDA = 0.2;

/** Length, heads and width of the check. */
const CHECKED = { time: 45, heads: 2, d: 20 };

/** What sums in 32 bits may be off by; measured: less than 2e-6. */
const TOLERANCE = 5e-5;

type Operands = Record<string, Tensor>;

/** Tensors of normal numbers that ask for gradients. */
function operands(gpu: Gpu, shapes: Record<string, Shape>, seed: number): Operands {
  const random = new Random(seed);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
      fillNormals(values, random.fork(name));
      return [name, gpu.tensor(values, shape, { requiresGrad: true })];
    }),
  );
}

/**
 * What each series works on. Differential attention has half of the heads, each with two maps and
 * values of twice the width, so that both are models of one width.
 */
function inputsOf(gpu: Gpu, series: string, settings: Settings, time: number): Operands {
  const { heads, d, seed } = settings;
  if (series === ORDINARY) {
    const shape = [1, time, 2 * heads, d];
    return operands(gpu, { q: shape, k: shape, v: shape }, seed);
  }
  const shape = [1, time, heads, d];
  return {
    ...operands(
      gpu,
      { q1: shape, k1: shape, q2: shape, k2: shape, v: [1, time, heads, 2 * d] },
      seed,
    ),
    lambda: gpu.tensor([LAMBDA], [1], { requiresGrad: true }),
  };
}

function forward(series: string, { q, k, q1, k1, q2, k2, v, lambda }: Operands): Tensor {
  return series === ORDINARY
    ? attention(q, k, v, { causal: true })
    : diffAttention(q1, k1, q2, k2, v, lambda, { causal: true });
}

/** What `lib/report/rerun/run_experiment.ts` runs. */
export const experiment: Experiment = {
  series: [ORDINARY, DIFFERENTIAL],
  power: 2,
  note: ({ limits: { maxStorageBuffersPerShaderStage: buffers } }) =>
    buffers >= FUSED_BUFFERS
      ? undefined
      : `A kernel may have ${buffers} buffers here and the fused ` +
        `ones of differential attention need ${FUSED_BUFFERS}, so it is made of two ordinary attentions.`,
  check: async (gpu) => [
    ...await checkSeries(gpu, ORDINARY),
    ...await checkSeries(gpu, DIFFERENTIAL),
  ],
  open: (gpu, settings) => openSession(gpu, settings),
};

async function checkSeries(gpu: Gpu, series: string): Promise<Check[]> {
  const { time, heads, d } = CHECKED;
  const settings = { heads, d, seed: 1 };
  const inputs = inputsOf(gpu, series, settings, time);
  using y = forward(series, inputs);
  const upstream = new Float32Array(y.size);
  fillNormals(upstream, new Random(2));
  using dy = gpu.tensor(upstream, y.shape);
  using product = mul(y, dy);
  using total = sum(product);
  const result = await y.read();
  total.backward();

  const host = Object.fromEntries(
    await Promise.all(
      Object.entries(inputs).map(async ([name, x]) => [name, await x.read()] as const),
    ),
  );
  const maps = series === ORDINARY
    ? [{ q: host.q, k: host.k, factor: 1 }]
    : [{ q: host.q1, k: host.k1, factor: 1 }, { q: host.q2, k: host.k2, factor: -LAMBDA }];
  const shape = series === ORDINARY
    ? { time, heads: 2 * heads, d, dv: d }
    : { time, heads, d, dv: 2 * d };
  const expected = attentionReference(maps, host.v, upstream, shape);
  const gradients: Record<string, ArrayLike<number>> = { v: expected.dv };
  expected.maps.forEach(({ dq, dk, dfactor }, m) => {
    const number = series === ORDINARY ? "" : `${m + 1}`;
    gradients[`q${number}`] = dq;
    gradients[`k${number}`] = dk;
    if (m === 1) gradients.lambda = [-dfactor];
  });
  const checks = [{
    ...{ series, what: "result", tolerance: TOLERANCE },
    error: difference(result, expected.y),
  }];
  for (const [name, wanted] of Object.entries(gradients)) {
    const error = difference(await inputs[name].grad!.read(), wanted);
    checks.push({ series, what: `gradient of ${name}`, error, tolerance: TOLERANCE });
  }
  for (const x of Object.values(inputs)) x.dispose();
  return checks;
}

/** @param settings heads (of differential attention), d and seed. */
function openSession(gpu: Gpu, settings: Settings): Session {
  return {
    at: (time) => {
      const made = new Map<string, Operands>();
      const inputs = (series: string) => {
        const known = made.get(series) ?? inputsOf(gpu, series, settings, time);
        made.set(series, known);
        return known;
      };
      return {
        measure: async (series, rounds) => {
          const of = inputs(series), all = Object.values(of);
          const ones = gpu.full(forwardShape(series, of), 1);
          const run = () => {
            for (const x of all) x.zeroGrad();
            using y = forward(series, of);
            y.backward(ones);
          };
          try {
            return await measureRun(gpu, run, rounds);
          } finally {
            for (const x of all) x.zeroGrad();
            ones.dispose();
          }
        },
        value: async (series) => {
          const [[result]] = await readWithoutGrad(gpu, (hold) => {
            using y = forward(series, inputs(series));
            using squares = mul(y, y);
            hold(mean(squares));
          });
          return result;
        },
        [Symbol.dispose]() {
          for (const of of made.values()) for (const x of Object.values(of)) x.dispose();
        },
      };
    },
    [Symbol.dispose]: () => {},
  };
}

function forwardShape(series: string, { q, v }: Operands): Shape {
  return series === ORDINARY ? q.shape : v.shape;
}

/** Runs the experiment as a page asks for it. */
export function run(plan: Plan, options?: RunOptions): Promise<Report> {
  return runExperiment(experiment, plan, options);
}
