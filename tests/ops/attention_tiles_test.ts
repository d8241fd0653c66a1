import { attention, type AttentionConstants } from "../../kernels/attention.ts";
import { attentionGrid } from "../../kernels/attention_problem.ts";
import { attentionGradient } from "../../kernels/attention_gradient.ts";
import type { AttentionTile } from "../../kernels/attention_tile.ts";

import {
  type AttentionPass,
  attentionTile,
  attentionTileBytes,
} from "../../lib/ops/attention_tiles.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

import { assert, assertEquals } from "@std/assert";
import { assertClose, numbers } from "./check_op.ts";

const gpu = await Gpu.open();

/** Results of the kernels with one tile, for causal attention of one map or two. */
async function results(
  tile: AttentionTile,
  maps: 1 | 2,
): Promise<Map<string, Float32Array>> {
  const [time, heads, widthQk] = [75, 2, 8], widthV = maps * widthQk;
  using _ = gpu.scope();
  const narrow = [1, time, heads, widthQk], wide = [1, time, heads, widthV];
  const random = (shape: number[], seed: number) =>
    gpu.tensor(numbers(shape.reduce((a, b) => a * b), seed), shape);
  const inputs = {
    q: random(narrow, 1),
    k: random(narrow, 2),
    q1: random(narrow, 1),
    k1: random(narrow, 2),
    q2: random(narrow, 3),
    k2: random(narrow, 4),
    v: random(wide, 5),
    dy: random(wide, 6),
    lambda: gpu.tensor([0.6]),
    stats: gpu.full([heads, time, 2 * maps], 3),
  };
  const names = maps === 1 ? ["dq", "dk"] : ["dq1", "dk1", "dq2", "dk2"];
  const outputs = Object.fromEntries([
    ...names.map((name) => [name, gpu.zeros(narrow)] as const),
    ...["dv", "y", "y2"].map((name) => [name, gpu.zeros(wide)] as const),
    ...["lse", "lse2"].map((name) => [name, gpu.zeros([heads, time])] as const),
  ]);
  const constants: AttentionConstants = {
    tile,
    mask: { causal: true, keys: "all" },
    widthQk,
    widthV,
    vector: true,
    packed: false,
    dropout: false,
  };
  const params = {
    heads,
    time_q: time,
    time_k: time,
    stride_q: heads * widthQk,
    stride_k: heads * widthQk,
    stride_v: heads * widthV,
    offset_k: 0,
    offset_v: 0,
    scale: 0.5,
  };
  const kernels = [
    attention({ ...constants, maps }),
    ...["queries" as const, "keys and values" as const].map((of) =>
      attentionGradient({ ...constants, of, maps })
    ),
  ];
  for (const kernel of kernels) {
    gpu.run(kernel, { ...inputs, ...outputs }, params, attentionGrid(time, kernel.tile, heads, 1));
  }
  const found = await gpu.read(Object.values(outputs)) as Float32Array[];
  return new Map(Object.keys(outputs).map((name, i) => [name, found[i]]));
}

const SMALL: AttentionTile = { rows: 16, columns: 16, threadsX: 4, threadsY: 4, step: 4 };

async function check(tiles: readonly AttentionTile[], maps: 1 | 2): Promise<void> {
  const expected = await results(SMALL, maps);
  for (const tile of tiles) {
    const found = await results(tile, maps);
    for (const [name, values] of expected) {
      assertClose(found.get(name)!, values, `${name} with ${JSON.stringify(tile)}`, 2e-6, 1e-5);
    }
  }
}

Deno.test("attention gives the same with every kind of tile", async () => {
  await check([
    { rows: 32, columns: 32, threadsX: 8, threadsY: 4, step: 8 }, // 8 × 4 scores a thread
    { rows: 16, columns: 64, threadsX: 16, threadsY: 4, step: 16 }, // bundles of 8 × 4
    { rows: 16, columns: 32, threadsX: 4, threadsY: 4, step: 8 }, // 4 × 8 scores a thread
  ], 1);
});

Deno.test("differential attention gives the same with every kind of tile", async () => {
  await check([
    { rows: 16, columns: 32, threadsX: 4, threadsY: 4, step: 8 }, // in several
    { rows: 32, columns: 64, threadsX: 16, threadsY: 4, step: 32 }, // exchanged in one round
  ], 2);
});

Deno.test("a GPU's attention has tiles that its workgroups have room for, in 16 KiB at least", () => {
  const sizes = { batch: 1, heads: 8, timeQ: 2048, timeK: 2048, widthQk: 64 };
  const choose = (pass: AttentionPass, maps: 1 | 2, memory: number, more = {}) => {
    const device = {
      adapter: { software: false },
      limits: { maxComputeWorkgroupStorageSize: memory, maxStorageBuffersPerShaderStage: 16 },
      tuning: { get: () => undefined },
    } as unknown as Gpu;
    return attentionTile(device, pass, { ...sizes, widthV: maps * 64, ...more }, maps);
  };
  const tall = { rows: 64, columns: 64, threadsX: 16, threadsY: 8, step: 32 };
  assertEquals(choose("queries", 1, 49152, { heads: 16 }), tall);
  assertEquals(choose("queries", 2, 49152), tall, "for each side");
  assertEquals(choose("queries", 2, 32768).rows, 32, "both sides would take 33 KiB");
  for (const pass of ["forward", "queries", "keys and values"] as const) {
    for (const maps of [1, 2] as const) {
      for (const width of [16, 64, 128, 256]) {
        for (const time of [64, 1024, 16384]) {
          for (const memory of [16384, 32768, 49152, 65536]) {
            const more = { timeQ: time, timeK: time, widthQk: width, widthV: maps * width };
            const tile = choose(pass, maps, memory, more),
              what = JSON.stringify({ pass, maps, memory, more, tile });
            const sides = pass === "forward" ? 1 : maps;
            assert(sides * tile.threadsX * tile.threadsY <= 256, what);
            const bytes = attentionTileBytes(tile, pass, { ...more, maps });
            assert(bytes <= memory, `${bytes} bytes, ${what}`);
          }
        }
      }
    }
  }
});
