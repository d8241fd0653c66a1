import { attention, type AttentionConstants } from "../../kernels/attention.ts";
import { attentionGradient } from "../../kernels/attention_gradient.ts";
import type { AttentionTile } from "../../kernels/attention_tile.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { assertClose, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

/** Results of the three kernels with one tile, for causal attention. */
async function results(tile: AttentionTile): Promise<Float32Array[]> {
  const [time, heads, width] = [75, 2, 8], shape = [1, time, heads, width];
  using _ = gpu.scope();
  const [q, k, v, dy] = [1, 2, 3, 4].map((seed) =>
    gpu.tensor(numbers(time * heads * width, seed), shape)
  );
  const [y, dq, dk, dv] = [1, 2, 3, 4].map(() => gpu.zeros(shape));
  const lse = gpu.zeros([heads, time]);
  const stats = gpu.full([heads, time, 2], 3);
  const constants: AttentionConstants = {
    tile,
    mask: { causal: true, keys: "all" },
    widthQk: width,
    widthV: width,
    vector: true,
    packed: false,
    dropout: false,
  };
  const stride = heads * width;
  const params = {
    heads,
    time_q: time,
    time_k: time,
    stride_q: stride,
    stride_k: stride,
    stride_v: stride,
    offset_k: 0,
    offset_v: 0,
    scale: 0.5,
  };
  const grid = [Math.ceil(time / tile.rows), heads, 1] as const;
  gpu.run(attention(constants), { q, k, v, y, lse }, params, grid);
  for (const side of ["queries", "keys"] as const) {
    const kernel = attentionGradient({ ...constants, side, maps: 1 });
    gpu.run(kernel, { q, k, v, dy, stats, dq, dk, dv }, params, grid);
  }
  return await gpu.read([y, lse, dq, dk, dv]);
}

Deno.test("attention gives the same with every kind of tile", async () => {
  const small = { rows: 16, columns: 16, threadsX: 4, threadsY: 4, step: 4 };
  const expected = await results(small);
  const tiles: AttentionTile[] = [
    { rows: 32, columns: 32, threadsX: 8, threadsY: 4, step: 8 }, // 8 × 4 scores a thread
    { rows: 16, columns: 64, threadsX: 16, threadsY: 4, step: 4 }, // threads in bundles of 8 × 4
    { rows: 16, columns: 32, threadsX: 4, threadsY: 4, step: 8 }, // 4 × 8 scores a thread
  ];
  for (const tile of tiles) {
    const found = await results(tile);
    ["y", "lse", "dq", "dk", "dv"].forEach((name, i) =>
      assertClose(found[i], expected[i], `${name} with ${JSON.stringify(tile)}`, 2e-6, 1e-5)
    );
  }
});
