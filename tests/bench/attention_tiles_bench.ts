/**
 * Which tile is fastest for each attention kernel on this adapter: `deno task bench attention_tiles`.
 *
 * Times every tile that fits, for ordinary attention (d = dv = 64) and the differential one (dv =
 * 128), causal, and prints the best with TFLOP/s (operations done, two a multiply-add). What it
 * finds goes into `attentionTile` of lib/ops/attention_problem.ts.
 *
 * Arguments: `--time 4096`, `--heads 16`, `--rounds 5`, `--only keys` (forward, queries, keys).
 */
import { attention } from "../../kernels/attention.ts";
import { attentionGradient } from "../../kernels/attention_gradient.ts";
import type { AttentionTile } from "../../kernels/attention_tile.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { attentionTileBytes } from "../../lib/ops/attention_problem.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";

/** Runs the benchmark. */
export async function run(args: string[]): Promise<void> {
  const option = (name: string, fallback: string) => {
    const at = args.indexOf(name);
    return at < 0 ? fallback : args[at + 1];
  };
  using gpu = await Gpu.open();
  const time = Number(option("--time", gpu.adapter.software ? "64" : "4096"));
  const heads = Number(option("--heads", gpu.adapter.software ? "1" : "16"));
  const rounds = Number(option("--rounds", "5")), only = option("--only", "");
  console.log(`${gpu.adapter.description}, T=${time}, H=${heads}, causal`);
  for (const maps of [1, 2] as const) {
    const widthQk = 64, widthV = 64 * maps;
    const mask = { causal: true, keys: "all" as const };
    const common = { mask, widthQk, widthV, vector: true, packed: false, dropout: false };
    const kernels = {
      forward: (tile: AttentionTile) => attention({ ...common, tile }),
      queries: (tile: AttentionTile) =>
        attentionGradient({ ...common, tile, side: "queries", maps }),
      keys: (tile: AttentionTile) => attentionGradient({ ...common, tile, side: "keys", maps }),
    };
    // Products an entry of the score matrix: see the stories of the kernels.
    const depths = {
      forward: widthQk + widthV,
      queries: 2 * maps * widthQk + widthV,
      keys: 2 * maps * widthQk + 2 * widthV,
    };
    for (const pass of ["forward", "queries", "keys"] as const) {
      if (!pass.includes(only)) continue;
      const widest = pass === "queries" ? widthQk : Math.max(widthQk, widthV);
      const found: { tile: AttentionTile; ms: number }[] = [];
      for (const tile of candidates(gpu, widest, pass === "forward" ? 1 : maps)) {
        const ms = await measure(
          gpu,
          kernels[pass](tile),
          { time, heads, widthQk, widthV },
          rounds,
        );
        found.push({ tile, ms });
      }
      console.log(`\n${maps === 1 ? "attention" : "differential attention"}, ${pass}`);
      for (const { tile, ms } of found.sort((a, b) => a.ms - b.ms).slice(0, 8)) {
        const flops = time * time * heads * depths[pass];
        console.log(
          `  ${ms.toFixed(3).padStart(9)} ms ${
            (flops / ms / 1e9).toFixed(2).padStart(7)
          } TFLOP/s  ` +
            JSON.stringify(tile),
        );
      }
    }
  }
}

/** Tiles that fit workgroup memory and, by a rough count, the registers. */
function candidates(gpu: Gpu, widest: number, maps: number): AttentionTile[] {
  const tiles: AttentionTile[] = [];
  for (const rows of gpu.adapter.software ? [16] : [32, 64, 128]) {
    for (const columns of gpu.adapter.software ? [16, 32] : [32, 64, 128]) {
      for (const threadsX of gpu.adapter.software ? [4] : [8, 16]) {
        for (const threadsY of gpu.adapter.software ? [4] : [4, 8, 16]) {
          for (const step of gpu.adapter.software ? [4] : [8, 16, 32]) {
            const tile = { rows, columns, threadsX, threadsY, step };
            const threadRows = rows / threadsY, threadColumns = columns / threadsX;
            const fits = threadRows % 4 === 0 && threadColumns % 4 === 0 && threadRows <= 8 &&
              threadColumns <= 8 && threadsX * threadsY >= (gpu.adapter.software ? 16 : 64);
            const bytes = attentionTileBytes(tile, widest, maps);
            if (fits && bytes <= gpu.limits.maxComputeWorkgroupStorageSize) tiles.push(tile);
          }
        }
      }
    }
  }
  return tiles;
}

/** The best of some rounds, in milliseconds. */
async function measure(
  gpu: Gpu,
  kernel: Kernel,
  s: { time: number; heads: number; widthQk: number; widthV: number },
  rounds: number,
): Promise<number> {
  using _ = gpu.scope();
  const { time, heads, widthQk, widthV } = s;
  const narrow = new Set([
    "q",
    "k",
    "q1",
    "k1",
    "q2",
    "k2",
    "dq",
    "dk",
    "dq1",
    "dk1",
    "dq2",
    "dk2",
  ]);
  const sizeOf = (name: string) =>
    name === "lambda"
      ? 1
      : name === "lse" || name === "stats"
      ? 4 * time * heads
      : time * heads * (narrow.has(name) ? widthQk : widthV);
  const bindings = Object.fromEntries(
    kernel.bindings.map(({ name }) => [name, gpu.full([sizeOf(name)], 0.01)]),
  );
  const params = {
    heads,
    time_q: time,
    time_k: time,
    stride_q: heads * widthQk,
    stride_k: heads * widthQk,
    stride_v: heads * widthV,
    offset_k: 0,
    offset_v: 0,
    scale: 0.125,
  };
  const once = () =>
    gpu.run(kernel, bindings, params, [Math.ceil(time / kernel.tile.rows), heads, 1]);
  once();
  await gpu.sync();
  let best = Infinity;
  for (let round = 0; round < rounds; round++) best = Math.min(best, (await gpu.time(once)).ms);
  return best;
}

if (import.meta.main) await run(Deno.args);
