import { type AdapterLike, graphicsMemoryBytes } from "./gpu_like.ts";

/** How large a notebook's work is. */
export type Scale = "smoke" | "laptop" | "full";

/** The scales, from small to large. */
export const SCALES: readonly Scale[] = ["smoke", "laptop", "full"];

/** Memory from which on a graphics card gets the full scale by itself. */
const FULL_BYTES = 20 * 1024 ** 3;

/** What the first cell of a notebook, tagged `parameters`, may set. */
export interface Parameters {
  scale?: Scale;
  seed?: number;
}

/**
 * The scale of this run: what the environment asks for (`CUTLOSS_SCALE`), else what the parameters
 * cell sets, else what fits the adapter: smoke on a software adapter or none, full on a card of at
 * least 20 GiB, laptop on all other GPUs.
 *
 * The environment comes first so that whoever runs a stored notebook from outside has the last word.
 *
 * @throws Error if CUTLOSS_SCALE or the parameter is none of the three
 */
export function currentScale(
  gpu?: { adapter: AdapterLike },
  parameters: Parameters = {},
): Scale {
  const asked = Deno.env.get("CUTLOSS_SCALE") || undefined;
  if (asked !== undefined) return checked(asked, "CUTLOSS_SCALE");
  if (parameters.scale !== undefined) return checked(parameters.scale, "scale");
  if (!gpu || gpu.adapter.software) return "smoke";
  return (graphicsMemoryBytes(gpu.adapter) ?? 0) >= FULL_BYTES ? "full" : "laptop";
}

/**
 * The value for a scale.
 *
 * ```ts
 * import { scale } from "cutloss/notebook/mod.ts";
 *
 * const tokens = scale("smoke", { smoke: 256, laptop: 2048, full: 8192 }); // 256
 * ```
 */
export function scale<T>(current: Scale, values: Record<Scale, T>): T {
  return values[checked(current, "scale")];
}

/**
 * The seed of this run: `CUTLOSS_SEED`, else the parameters cell's, else 0.
 *
 * @throws Error if it is no integer from 0 to 2³² − 1
 */
export function currentSeed(parameters: Parameters = {}): number {
  const asked = Deno.env.get("CUTLOSS_SEED") || undefined;
  const seed = asked !== undefined ? Number(asked) : parameters.seed ?? 0;
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  const name = asked !== undefined ? "CUTLOSS_SEED" : "seed";
  throw new Error(`${name} is ${asked ?? seed}; expected an integer from 0 to 4294967295.`);
}

function checked(value: string, name: string): Scale {
  if ((SCALES as readonly string[]).includes(value)) return value as Scale;
  throw new Error(`${name} is "${value}"; expected one of ${SCALES.join(", ")}.`);
}
