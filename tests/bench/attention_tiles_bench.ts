/**
 * Which tile is fastest for each attention kernel on this adapter: `deno task bench attention_tiles`.
 *
 * Times tiles that fit, for ordinary attention (d = dv = 64) and the differential one (dv = 128), and
 * prints the best with TFLOP/s (operations done, two a multiply-add, half of them for causal masks).
 * What it finds goes into `attentionTile` of lib/ops/attention_tiles.ts. All tiles are compiled first
 * and then run back to back, after a warm-up: a GPU that idles between them lowers its clock.
 *
 * Arguments: `--times 1024,4096`, `--heads 16`, `--batch 1`, `--full` (not causal), `--rounds 4`, `--maps 2`,
 * `--only queries` (forward, queries, "keys and values"), `--top 8`, `--parts 2`,
 * `--tiles '[{…}]'` to try these and no others.
 */
import { attention } from "../../kernels/attention.ts";
import { attentionGrid } from "../../kernels/attention_problem.ts";
import { attentionGradient } from "../../kernels/attention_gradient.ts";
import type { AttentionTile } from "../../kernels/attention_tile.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import {
  type AttentionPass,
  attentionTileBytes,
  attentionTileHeld,
  type AttentionWidths,
} from "../../lib/ops/attention_tiles.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { warmUp } from "../../lib/gpu/warm_up.ts";

interface Problem {
  batch: number;
  time: number;
  heads: number;
  widthQk: number;
  widthV: number;
}

/** Runs the benchmark. */
export async function run(args: string[]): Promise<void> {
  const option = (name: string, fallback: string) => {
    const at = args.indexOf(name);
    return at < 0 ? fallback : args[at + 1];
  };
  using gpu = await Gpu.open();
  const { software } = gpu.adapter;
  const number = (name: string, fallback: number) => Number(option(name, String(fallback)));
  const times = option("--times", software ? "64" : "4096").split(",").map(Number);
  const batch = number("--batch", 1);
  const heads = number("--heads", software ? 1 : 16), rounds = number("--rounds", 4);
  const causal = !args.includes("--full"), only = option("--only", ""), top = number("--top", 8);
  const given = option("--tiles", ""), parts = number("--parts", 1);
  console.log(
    `${gpu.adapter.description}, B=${batch} H=${heads}${causal ? ", causal" : ""}`,
  );
  for (const maps of [1, 2] as const) {
    if (![0, maps].includes(number("--maps", 0))) continue;
    const widthQk = 64, widthV = 64 * maps;
    const mask = { causal, keys: "all" as const };
    const common = { mask, widthQk, widthV, vector: true, packed: false, dropout: false };
    const kernel = (pass: AttentionPass, tile: AttentionTile) =>
      pass === "forward"
        ? attention({ ...common, tile, maps })
        : attentionGradient({ ...common, tile, of: pass, maps, parts });
    // Products an entry of the score matrix: see the stories of the kernels.
    const ofScores = 2 * maps * widthQk + widthV;
    const depths = {
      forward: maps * (widthQk + widthV),
      queries: ofScores,
      "keys and values": ofScores + widthV,
    };
    for (const pass of Object.keys(depths) as AttentionPass[]) {
      if (only && pass !== only) continue;
      const widths = { widthQk, widthV, maps };
      const tiles = given ? JSON.parse(given) as AttentionTile[] : candidates(gpu, pass, widths);
      for (const tile of tiles) await gpu.compile(kernel(pass, tile));
      for (const time of times) {
        const problem = { batch, time, heads, widthQk, widthV };
        const found = await measure(gpu, tiles, (tile) => kernel(pass, tile), problem, rounds);
        const name = maps === 1 ? "attention" : "differential attention";
        console.log(`\n${name}, ${pass}, T=${time}: ${found.length} tiles`);
        for (const { tile, ms } of found.sort((a, b) => a.ms - b.ms).slice(0, top)) {
          const flops = 2 * batch * time * time * heads * depths[pass] / (causal ? 2 : 1);
          console.log(
            `  ${ms.toFixed(3).padStart(9)} ms ${
              (flops / ms / 1e9).toFixed(2).padStart(7)
            } TFLOP/s  ${JSON.stringify(tile)}`,
          );
        }
      }
    }
  }
}

/** Tiles that fit workgroup memory and, by a rough count, the registers. */
function candidates(
  gpu: Gpu,
  pass: AttentionPass,
  widths: AttentionWidths,
): AttentionTile[] {
  const soft = gpu.adapter.software;
  const sizes = soft
    ? { rows: [16], columns: [16, 32], threadsX: [4], threadsY: [4], steps: [4] }
    : {
      rows: [32, 64, 128],
      columns: [32, 64, 128],
      threadsX: [8, 16],
      threadsY: [4, 8, 16],
      steps: [8, 16, 32],
    };
  const sides = pass === "forward" ? 1 : widths.maps;
  const fits = (tile: AttentionTile) => {
    const { rows, columns, threadsX, threadsY, step } = tile;
    const threadRows = rows / threadsY, threadColumns = columns / threadsX;
    const held = attentionTileHeld(tile, pass, widths);
    return threadRows % 4 === 0 && threadColumns % 4 === 0 && step % threadsX === 0 &&
      columns % step === 0 && sides * threadsX * threadsY <= 256 && threadRows <= 8 &&
      threadColumns <= 8 &&
      (soft || (held >= 48 && held <= 224)) &&
      attentionTileBytes(tile, pass, widths) <= gpu.limits.maxComputeWorkgroupStorageSize;
  };
  const tiles: AttentionTile[] = [];
  for (const rows of sizes.rows) {
    for (const columns of sizes.columns) {
      for (const threadsX of sizes.threadsX) {
        for (const threadsY of sizes.threadsY) {
          for (const step of sizes.steps) {
            const tile = { rows, columns, threadsX, threadsY, step };
            if (fits(tile)) tiles.push(tile);
          }
        }
      }
    }
  }
  return tiles;
}

/** The best time of each tile, in milliseconds. */
async function measure(
  gpu: Gpu,
  tiles: readonly AttentionTile[],
  make: (tile: AttentionTile) => Kernel,
  { batch, time, heads, widthQk, widthV }: Problem,
  rounds: number,
): Promise<{ tile: AttentionTile; ms: number }[]> {
  using _ = gpu.scope();
  const narrow = /^d?[qk][12]?$/;
  const sizeOf = (name: string): number =>
    name.startsWith("parts_of_")
      ? 8 * sizeOf(name.slice(9))
      : name === "lambda"
      ? 1
      : batch * time * heads *
        (name.startsWith("lse") || name === "stats" ? 4 : narrow.test(name) ? widthQk : widthV);
  const tensors: Record<string, Tensor> = {};
  for (const { name } of make(tiles[0]).bindings) {
    tensors[name] = gpu.full([sizeOf(name)], name === "stats" ? 9 : 0.1);
  }
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
  const runs = tiles.map((tile) => {
    const kernel = make(tile);
    return () => gpu.run(kernel, tensors, params, attentionGrid(time, kernel.tile, heads, batch));
  });
  await warmUp(gpu, runs[0]);
  const { passes } = await gpu.time(() => {
    for (let round = 0; round < rounds; round++) for (const run of runs) run();
  }, { perKernel: true });
  return tiles.map((tile, i) => ({
    tile,
    ms: Math.min(...passes.filter((_, at) => at % tiles.length === i).map(({ ms }) => ms)),
  }));
}

if (import.meta.main) await run(Deno.args);
