import { Gpu } from "../../lib/tensor/gpu.ts";
import { Gpt2 } from "../../lib/nn/gpt2.ts";
import { AdamW, type AdamWOptions } from "../../lib/train/adamw.ts";
import { schedule } from "../../lib/train/schedule.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { assertClose, fixture } from "../nn/fixtures.ts";
import { assertTrains } from "./reference_training.ts";

const gpu = await Gpu.open();
const { files, values, rows } = await fixture("gpt2");
const batch = { ids: rows("input_ids"), labels: rows("labels") };

Deno.test("ten steps of AdamW on GPT-2 with clipping and warm-up follow PyTorch", async () => {
  const before = gpu.memory.live;
  {
    using model = await Gpt2.load(gpu, files);
    await assertTrains(model, () => model.loss(batch), values.training);
  }
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

Deno.test("gradients of a batch in parts add up to those of the whole batch", async () => {
  const losses: number[] = [];
  for (const parts of [1, 3]) {
    using model = await Gpt2.load(gpu, files);
    using optimizer = new AdamW(model.weights, { learningRate: 0.01 });
    const counted = batch.labels.map((row) => row.slice(1).filter((label) => label >= 0).length);
    const all = counted.reduce((a, b) => a + b, 0);
    const per = batch.ids.length / parts;
    for (let part = 0; part < parts; part++) {
      const from = part * per, to = from + per;
      const share = counted.slice(from, to).reduce((a, b) => a + b, 0) / all;
      using loss = model.loss({
        ids: batch.ids.slice(from, to),
        labels: batch.labels.slice(from, to),
      });
      using upstream = gpu.full([], share);
      loss.backward(upstream);
    }
    optimizer.step();
    using after = model.loss(batch);
    losses.push(await after.item());
  }
  assertClose([losses[1]], [losses[0]], "loss", 1e-5);
});

Deno.test("a gradient that is no number, or too large for a norm, makes no step that looks sound", async () => {
  // As PyTorch's clip_grad_norm_: NaN spoils all weights; an infinite norm scales the others to 0.
  for (const [spoilt, norm, factor] of [[NaN, NaN, NaN], [1e30, Infinity, 0]]) {
    using model = await Gpt2.load(gpu, files);
    using optimizer = new AdamW(model.weights, { learningRate: 0.01, maxGradNorm: 1 });
    optimizer.zeroGrad();
    const { grad } = model.parameters()[3].tensor;
    gpu.write(grad!, Float32Array.of(spoilt));
    optimizer.step();
    assertEquals([...await optimizer.gradNorm.read()], [norm, factor]);
    if (Number.isFinite(factor)) continue;
    for (const { tensor, name } of model.parameters()) {
      assert((await tensor.read()).every(Number.isNaN), name);
    }
  }
});

Deno.test("weights that require no gradient stay as they are, and take nothing from the others", async () => {
  // Queries, keys and values beside others; a bias, which does not decay; and the last of all.
  const frozen = ["wte", "h.0.attn.c_attn", "h.1.mlp.c_proj.bias", "ln_f.bias"]
    .map((name) => `transformer.${name}`);
  const isFrozen = (name: string) => frozen.some((start) => name.startsWith(start));
  const run = async (freeze: boolean, steps: number) => {
    using model = await Gpt2.load(gpu, files);
    using optimizer = new AdamW(model.weights, { learningRate: 0.01, weightDecay: 0.5 });
    for (let step = 0; step < steps; step++) {
      // They are frozen when there are moments already.
      for (const { name, tensor } of model.parameters()) {
        tensor.requiresGrad = !(freeze && step > 0 && isFrozen(name));
      }
      using loss = model.loss(batch);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
    }
    return await model.weights.read();
  };
  const [before, after, free] = [await run(true, 1), await run(true, 2), await run(false, 2)];
  for (const [name, { data }] of before) {
    if (isFrozen(name)) assertEquals(after.get(name)!.data, data, name);
    else assertEquals(after.get(name)!.data, free.get(name)!.data, name);
  }
});

Deno.test("options that are no finite numbers are named", async () => {
  using model = await Gpt2.load(gpu, files);
  for (const name of ["learningRate", "eps", "weightDecay"]) {
    for (const value of [NaN, Infinity, -1]) {
      assertThrows(
        () => new AdamW(model.weights, { [name]: value }),
        RangeError,
        `AdamW: ${name} is ${value}; expected a finite number of at least 0.`,
      );
    }
  }
});

Deno.test("a learning rate that is set is checked, and one that is refused changes nothing", async () => {
  using model = await Gpt2.load(gpu, files);
  using optimizer = new AdamW(model.weights, { learningRate: 0.5 });
  for (const value of [NaN, Infinity, -1]) {
    assertThrows(
      () => optimizer.learningRate = value,
      RangeError,
      `AdamW: learningRate is ${value}; expected a finite number of at least 0.`,
    );
  }
  assertEquals(optimizer.learningRate, 0.5);
  optimizer.learningRate = 0;
  assertEquals(optimizer.learningRate, 0);
});

Deno.test("an option that there is not is refused, and those that there are named", async () => {
  using model = await Gpt2.load(gpu, files);
  assertThrows(
    () => new AdamW(model.weights, { lr: 0.5 } as AdamWOptions),
    TypeError,
    'AdamW: there is no option "lr"; expected some of learningRate, betas, eps, weightDecay, ' +
      "maxGradNorm.",
  );
});

Deno.test("weights that were freed are refused in a sentence", async () => {
  const model = await Gpt2.load(gpu, files);
  model[Symbol.dispose]();
  const message = "The weights have no elements: allocate() was not called, or they were freed.";
  assertThrows(() => new AdamW(model.weights), Error, message);
});

Deno.test("gradients that there are before the optimiser count as those after it do", async () => {
  const before = gpu.memory.live;
  const trained = async (early: boolean) => {
    using model = await Gpt2.load(gpu, files);
    const pass = () => {
      using loss = model.loss(batch);
      loss.backward();
    };
    if (early) pass();
    using optimizer = new AdamW(model.weights, { learningRate: 0.01 });
    if (!early) pass();
    pass(); // adds to what there is
    optimizer.step();
    return await model.weights.read();
  };
  assertEquals(await trained(true), await trained(false));
  assertEquals(gpu.memory.live, before, "memory is still in use");
});

Deno.test("schedules are those of transformers", () => {
  for (const decay of ["linear", "cosine"] as const) {
    const at = schedule(20, { warmupSteps: 4, decay });
    // Up to the last step; beyond it their cosine would rise again.
    const expected: number[] = values.schedules[decay].slice(0, 21);
    assertClose(expected.map((_, i) => at(i)), expected, decay, 1e-12);
  }
  assertEquals(schedule(10, { decay: "constant" })(7), 1);
  assertClose([schedule(10, { floor: 0.1 })(10)], [0.1], "floor", 1e-12);
});
