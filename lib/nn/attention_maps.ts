/**
 * Attention weights of a model, to look at and to measure. The kernels never store them; here they
 * are computed again on the host, in f64, from the queries and keys of one pass.
 */
import { readWithoutGrad } from "../tensor/read_without_grad.ts";
import type { DiffTransformer, DiffTransformerBatch, Look } from "./diff_transformer.ts";

/** Numbers of one layer's attention on the host. */
export interface LayerAttention {
  /** Counted from 1. */
  layer: number;
  batch: number;
  time: number;
  heads: number;
  /** Width of queries and keys, and of values. */
  widthQk: number;
  widthV: number;
  causal: boolean;
  /** 0 for keys that are padding, which nobody sees, [B, T] (default: there are none). */
  mask?: Int32Array;
  /** Queries and keys [B, T, H, d] of one map, or of the two that are subtracted. */
  maps: readonly { q: Float32Array; k: Float32Array }[];
  /** Values [B, T, H, dv]. */
  v: Float32Array;
  /** Factor of the second map; undefined where there is only one. */
  lambda: number | undefined;
  /** What the kernel made of them, [B, T, H, dv]. */
  attended: Float32Array;
}

/** What a pass leaves for those who look inside. */
export interface Trace {
  layers: LayerAttention[];
  /** What leaves each block, [B, T, D]. */
  outputs: Float32Array[];
}

/** Weights with which one position attends. */
export interface AttentionRow {
  /** Scores q·k/√d of each map, as many as there are keys to see; −∞ for padding. */
  scores: Float64Array[];
  /** Their softmax; 0 where nothing may be seen. Each is as long as the sequence. */
  maps: Float64Array[];
  /** What multiplies the values: the one map, or the first minus λ times the second. */
  weights: Float64Array;
}

/** Runs a batch through a model and reads what its attention saw, with one wait. */
export async function traceAttention(
  model: DiffTransformer,
  batch: DiffTransformerBatch,
): Promise<Trace> {
  const { gpu, config: { causal } } = model;
  type Places = { maps: { q: number; k: number }[]; v: number; attended: number; lambda: number };
  const places: Places[] = [], outputs: number[] = [], shapes: [readonly number[], number][] = [];
  const read = await readWithoutGrad(gpu, (hold) => {
    const look: Look = {
      attention(_, { maps, v, lambda, attended }) {
        shapes.push([maps[0].q.shape, v.shape[3]]);
        places.push({
          maps: maps.map(({ q, k }) => ({ q: hold(q.alias()), k: hold(k.alias()) })),
          v: hold(v.alias()),
          attended: hold(attended.alias()),
          lambda: lambda ? hold(lambda.alias()) : -1,
        });
      },
      output: (_, x) => void outputs.push(hold(x.alias())),
    };
    model.hidden(batch, { look }).dispose();
  });
  return {
    layers: places.map(({ maps, v, attended, lambda }, i) => {
      const [[batch, time, heads, widthQk], widthV] = shapes[i];
      return {
        ...{ layer: i + 1, batch, time, heads, widthQk, widthV, causal },
        maps: maps.map(({ q, k }) => ({ q: read[q], k: read[k] })),
        v: read[v],
        attended: read[attended],
        lambda: lambda < 0 ? undefined : read[lambda][0],
      };
    }),
    outputs: outputs.map((place) => read[place]),
  };
}

/**
 * The weights with which a position of a sequence attends, in one head.
 *
 * @throws {RangeError} if there is no such sequence, head or query, all counted from 0.
 */
export function attentionRow(
  layer: LayerAttention,
  { sequence = 0, head, query }: { sequence?: number; head: number; query: number },
): AttentionRow {
  const { batch, time, heads, widthQk: d, causal, lambda, mask } = layer;
  const places = { sequence: [sequence, batch], head: [head, heads], query: [query, time] };
  for (const [name, [value, end]] of Object.entries(places)) {
    if (Number.isInteger(value) && value >= 0 && value < end) continue;
    throw new RangeError(`attentionRow(): ${name} is ${value}; expected 0 … ${end - 1}.`);
  }
  const seen = causal ? query + 1 : time;
  const scale = 1 / Math.sqrt(d);
  const place = (t: number) => ((sequence * time + t) * heads + head) * d;
  const scores = layer.maps.map(({ q, k }) => {
    const from = place(query);
    return Float64Array.from({ length: seen }, (_, t) => {
      if (mask?.[sequence * time + t] === 0) return -Infinity;
      const to = place(t);
      let sum = 0;
      for (let i = 0; i < d; i++) sum += q[from + i] * k[to + i];
      return scale * sum;
    });
  });
  const maps = scores.map((row) => {
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const map = new Float64Array(time);
    if (most === -Infinity) return map; // who sees nothing attends to nothing, as in the kernel
    let sum = 0;
    row.forEach((score, t) => sum += map[t] = Math.exp(score - most));
    return map.map((weight) => weight / sum);
  });
  const [first, second] = maps;
  const weights = second && lambda !== undefined
    ? first.map((weight, t) => weight - lambda * second[t])
    : first;
  return { scores, maps, weights };
}
