/**
 * A transformer with differential or ordinary attention in f64 on the host, written from the paper's
 * formulas alone: the reference for tests.
 */
import type { DiffTransformerConfig } from "../../lib/nn/mod.ts";

/** Weights by their names in files. */
export type HostWeights = ReadonlyMap<string, { data: ArrayLike<number> }>;

/** x · Wᵀ for rows of x; W is [outputs, inputs]. */
function project(x: number[][], w: ArrayLike<number>, outputs: number): number[][] {
  return x.map((row) =>
    Array.from(
      { length: outputs },
      (_, o) => row.reduce((sum, value, i) => sum + value * w[o * row.length + i], 0),
    )
  );
}

function rmsNorm(row: number[], weight: ArrayLike<number>, eps: number): number[] {
  const mean = row.reduce((sum, x) => sum + x * x, 0) / row.length;
  return row.map((x, i) => x * weight[i] / Math.sqrt(mean + eps));
}

/** Turns the pair (i, i + d/2) of a head by position · base^(−2i/d). */
function rotate(head: number[], position: number, base: number): number[] {
  const d = head.length, half = d / 2;
  return head.map((x, j) => {
    const angle = position * base ** (-2 * (j % half) / d);
    const partner = j < half ? -head[j + half] : head[j - half];
    return x * Math.cos(angle) + partner * Math.sin(angle);
  });
}

/** Causal softmax(q·kᵀ/√d), [T][T]. */
function softmaxMap(q: number[][], k: number[][]): number[][] {
  return q.map((query, i) => {
    const scores = k.slice(0, i + 1).map((key) =>
      query.reduce((sum, x, c) => sum + x * key[c], 0) / Math.sqrt(query.length)
    );
    const exps = scores.map((score) => Math.exp(score));
    const sum = exps.reduce((a, b) => a + b, 0);
    return k.map((_, j) => j <= i ? exps[j] / sum : 0);
  });
}

const times = (map: number[][], v: number[][]) =>
  map.map((row) => v[0].map((_, c) => row.reduce((sum, w, j) => sum + w * v[j][c], 0)));

const head = (x: number[][], h: number, width: number) =>
  x.map((row) => row.slice(h * width, (h + 1) * width));

/** Logits [T][V] of one sequence. */
export function referenceLogits(
  weights: HostWeights,
  config: DiffTransformerConfig,
  ids: readonly number[],
): number[][] {
  const { width, layers, heads, inner, normEps, rotaryBase, vocabulary } = config;
  const d = width / heads;
  const w = (name: string) => weights.get(`model.${name}`)!.data;
  const embeddings = w("embed_tokens.weight");
  const norm = (x: number[][], name: string) =>
    x.map((row) => rmsNorm(row, w(`${name}.weight`), normEps));
  const rotated = (x: number[][], h: number) =>
    head(x, h, d).map((row, t) => rotate(row, t, rotaryBase));

  let x = ids.map((id) => Array.from({ length: width }, (_, i) => embeddings[id * width + i]));
  for (let l = 0; l < layers; l++) {
    const name = `layers.${l}`;
    const at = (part: string) => w(`${name}.self_attn.${part}`);
    const normal = norm(x, `${name}.input_layernorm`);
    const v = project(normal, at("v_proj.weight"), width);
    let joined: number[][];
    if (config.attention === "softmax") {
      const q = project(normal, at("q_proj.weight"), width);
      const k = project(normal, at("k_proj.weight"), width);
      const parts = Array.from(
        { length: heads },
        (_, h) => times(softmaxMap(rotated(q, h), rotated(k, h)), head(v, h, d)),
      );
      joined = ids.map((_, t) => parts.flatMap((part) => part[t]));
    } else {
      const [q1, q2, k1, k2] = ["q1", "q2", "k1", "k2"].map((part) =>
        project(normal, at(`${part}_proj.weight`), width / 2)
      );
      const dot = (a: string, b: string) => {
        const [x, y] = [at(`lambda_${a}`), at(`lambda_${b}`)];
        return Array.from(x).reduce((sum, value, i) => sum + value * y[i], 0);
      };
      const initial = 0.8 - 0.6 * Math.exp(-0.3 * l); // l counts from 0 here
      const lambda = Math.exp(dot("q1", "k1")) - Math.exp(dot("q2", "k2")) + initial;
      const parts = Array.from({ length: heads / 2 }, (_, h) => {
        const first = softmaxMap(rotated(q1, h), rotated(k1, h));
        const second = softmaxMap(rotated(q2, h), rotated(k2, h));
        const map = first.map((row, i) => row.map((p, j) => p - lambda * second[i][j]));
        return times(map, head(v, h, 2 * d)).map((row) =>
          rmsNorm(row, at("head_norm.weight"), normEps).map((value) => (1 - initial) * value)
        );
      });
      joined = ids.map((_, t) => parts.flatMap((part) => part[t]));
    }
    const add = (a: number[][], b: number[][]) => a.map((row, t) => row.map((y, i) => y + b[t][i]));
    x = add(x, project(joined, at("o_proj.weight"), width));
    const normal2 = norm(x, `${name}.post_attention_layernorm`);
    const gate = project(normal2, w(`${name}.mlp.gate_proj.weight`), inner);
    const up = project(normal2, w(`${name}.mlp.up_proj.weight`), inner);
    const product = gate.map((row, t) => row.map((g, i) => g / (1 + Math.exp(-g)) * up[t][i]));
    x = add(x, project(product, w(`${name}.mlp.down_proj.weight`), width));
  }
  return project(norm(x, "norm"), embeddings, vocabulary);
}

/** The mean of −ln p of labels[t + 1] at position t, where that is no −100. */
export function referenceLoss(logits: number[][], labels: readonly number[]): number {
  let sum = 0, count = 0;
  for (let t = 0; t + 1 < labels.length; t++) {
    if (labels[t + 1] < 0) continue;
    sum += Math.log(logits[t].reduce((a, z) => a + Math.exp(z), 0)) - logits[t][labels[t + 1]];
    count++;
  }
  return sum / count;
}
