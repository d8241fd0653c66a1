/** A model that somebody writes with what lib/mod.ts exports. */
import {
  Embedding,
  evaluate,
  Gpu,
  Linear,
  memoryFiles,
  Model,
  ops,
  planMemory,
  RmsNorm,
  type Tensor,
  train,
} from "../../lib/mod.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";

const gpu = await Gpu.open();

interface Batch {
  first: Int32Array;
  second: Int32Array;
  labels: Int32Array;
}

/** Adds two digits: an embedding each, a gated layer, one of 19 sums. */
class Adder extends Model {
  digits = new Embedding(this.weights, "digits", 10, 8, { deviation: 0.5 });
  norm = new RmsNorm(this.weights, "norm", 8, 1e-5);
  gate = new Linear(this.weights, "gate", 8, 32, { deviation: 0.5, bias: false });
  up = new Linear(this.weights, "up", 8, 32, { deviation: 0.5, bias: false });
  down = new Linear(this.weights, "down", 32, 19, { deviation: 0.2 });
  /** Weights without a layer; old files of other models say gamma for the weight of a norm. */
  shift = this.weights.declare("shift", [8], { constant: 0 });
  gamma = this.weights.declare("shift.gamma", [8], { constant: 1 });

  constructor(gpu: Gpu, seed: number) {
    super(gpu);
    this.weights.allocate({ seed });
  }

  loss({ first, second, labels }: Batch): Tensor {
    using firstIds = this.gpu.tensor(first);
    using secondIds = this.gpu.tensor(second);
    using targets = this.gpu.tensor(labels);
    using a = this.digits.forward(firstIds);
    using b = this.digits.forward(secondIds);
    using both = ops.add(a, b);
    using scaled = ops.mul(both, this.gamma.tensor);
    using shifted = ops.add(scaled, this.shift.tensor);
    using x = this.norm.forward(shifted);
    using gate = this.gate.forward(x);
    using up = this.up.forward(x);
    using inner = ops.swiglu(gate, up);
    using logits = this.down.forward(inner);
    return ops.crossEntropy(logits, targets);
  }

  /** Of less than a batch: what a batch is must be taken from loss() alone. */
  measure({ labels }: Pick<Batch, "labels">) {
    return { batch: labels.length, time: 1, targets: labels.length };
  }
}

const pairs = Array.from({ length: 100 }, (_, i) => [Math.floor(i / 10), i % 10]);
const all: Batch = {
  first: Int32Array.from(pairs, ([a]) => a),
  second: Int32Array.from(pairs, ([, b]) => b),
  labels: Int32Array.from(pairs, ([a, b]) => a + b),
};

Deno.test("a model of one's own is trained, saved and read back", async () => {
  using model = new Adder(gpu, 1);
  let planned = false;
  const { records, plan, best } = await train({
    model,
    data: { position: 0, next: () => all },
    steps: 120,
    optimizer: { learningRate: 0.03, maxGradNorm: 1 },
    loss: (batch) => model.loss(batch),
    evaluate: { every: 120, data: [all] },
    onPlan: () => void (planned = true),
  });
  const [before, after] = [records[0].loss, records[119].loss];
  assert(before > 2.5 && after < 0.2, `${before} to ${after}`);
  assertEquals(best!.loss, await evaluate(model, [all]));
  // Nobody knows how large its activations are, so no plan is made up.
  assertEquals([plan, planned], [undefined, false]);
  assertThrows(() => planMemory(model, { batch: 1, time: 1 }), TypeError, "activationBytes");

  const saved = memoryFiles();
  await model.save(saved);
  const live = gpu.memory.live;
  using same = new Adder(gpu, 2);
  using weights = await saved.openTensors("model.safetensors");
  same.setTensors(weights);
  assertEquals(await evaluate(same, [all]), await evaluate(model, [all]));
  assertEquals(gpu.memory.live, live + same.weights.bytes, "evaluations leave nothing");
});
