import { elementGrid } from "../../kernels/grid.ts";
import { rotary as kernel } from "../../kernels/rotary.ts";
import type { Gpu } from "../tensor/gpu.ts";
import { formatShape, ShapeError } from "../tensor/shape.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32, checkRange, checkRank, hostInts } from "./check.ts";

/** How {@linkcode rotary} rotates. */
export interface RotaryOptions {
  /** Pairs are (2i, 2i + 1) as in the paper; otherwise (i, i + d/2) as in Hugging Face's Llama. */
  interleaved?: boolean;
  /** The i-th pair turns by position · base^(−2i/d) (default 10,000). */
  base?: number;
  /** Positions of the tokens, i32 [T] or [B, T] (default 0 … T − 1). */
  positions?: Tensor;
}

/**
 * Rotary position embeddings (Su et al., "RoFormer: enhanced transformer with rotary position
 * embedding", 2021, equation 34).
 *
 * @param x [B, T, H, d], d even.
 */
export function rotary(
  x: Tensor,
  { interleaved = false, base = 10_000, positions }: RotaryOptions = {},
): Tensor {
  checkF32("rotary", { x });
  checkRank("rotary", "x", x, "[B, T, H, d]");
  const { gpu, shape, size } = x;
  const [batch, time, heads, width] = shape;
  if (width % 2 !== 0) {
    throw new ShapeError(
      `rotary(): x has the shape ${formatShape(shape)}; expected an even last dimension.`,
    );
  }
  if (!(base > 0 && Number.isFinite(base))) {
    throw new RangeError(`rotary(): base is ${base}; expected a positive number.`);
  }
  let end = time;
  if (positions) {
    if (positions.size !== time && positions.size !== batch * time) {
      throw new ShapeError(
        `rotary(): positions has the shape ${
          formatShape(positions.shape)
        }; expected [${time}] or ` +
          `[${batch}, ${time}].`,
      );
    }
    const places = hostInts("rotary", "positions", positions);
    checkRange("rotary", "positions", places, 2 ** 24);
    end = places.reduce((most, place) => Math.max(most, place), 0) + 1;
  }
  const table = angles(gpu, end, width, base);
  // A longer table may take its place before the backward pass, hence the slices.
  const angleSlice = table.slice, places = positions?.slice;
  const rotated = (x: Tensor, sign: number, label: string) => {
    const y = gpu.empty(shape, { label });
    gpu.run(
      kernel({ interleaved, positions: places !== undefined }),
      { x, table: angleSlice, y, ...(places ? { positions: places } : {}) },
      {
        pairs: size / 2,
        half: width / 2,
        heads,
        time,
        positions_count: positions?.size ?? 1,
        sign,
      },
      elementGrid(size / 2, 256),
    );
    return y;
  };
  const y = rotated(x, 1, "rotary");
  record({
    name: "rotary",
    inputs: [x],
    outputs: [y],
    saved: [table, ...(positions ? [positions] : [])],
    backward: ([dy]) => [rotated(dy!, -1, "gradient")],
  });
  return y;
}

/** Tables of (cos, sin) by width and base; each is made again when a longer one is needed. */
const tables = new WeakMap<Gpu, Map<string, Tensor>>();

/** (cos, sin) of position · base^(−2i/d), [positions, d/2, 2]; stays on the device. */
function angles(gpu: Gpu, positions: number, width: number, base: number): Tensor {
  let known = tables.get(gpu);
  if (!known) tables.set(gpu, known = new Map());
  const key = `${width}:${base}`, half = width / 2;
  const old = known.get(key);
  if (old && old.shape[0] >= positions) return old;
  const length = 2 ** Math.ceil(Math.log2(Math.max(positions, 16)));
  const data = new Float32Array(length * width);
  for (let i = 0; i < half; i++) {
    const frequency = base ** (-2 * i / width);
    for (let t = 0; t < length; t++) {
      data[(t * half + i) * 2] = Math.cos(t * frequency);
      data[(t * half + i) * 2 + 1] = Math.sin(t * frequency);
    }
  }
  const table = gpu.tensor(data, [length, half, 2], { label: "rotary angles" }).keep();
  old?.dispose();
  known.set(key, table);
  return table;
}
