import type { Random } from "./random.ts";

/** Layers of the ziggurat, where its outermost one begins, and the area of each (Doornik 2005). */
const LAYERS = 128, TAIL = 3.442619855899, AREA = 9.91256303526217e-3;

/** A draw is a whole number below this in size, times the width of its layer. */
const STEPS = 2 ** 24;

/** Width of a step in each layer, steps that lie under the curve whatever the height, heights. */
const width = new Float64Array(LAYERS);
const inner = new Int32Array(LAYERS);
const height = new Float64Array(LAYERS + 1);

const density = (x: number) => Math.exp(-0.5 * x * x);
{
  const edge = new Float64Array(LAYERS + 1);
  edge[0] = AREA / density(TAIL); // the base is a box as wide as if it had no tail
  edge[1] = TAIL;
  for (let i = 2; i < LAYERS; i++) {
    edge[i] = Math.sqrt(-2 * Math.log(AREA / edge[i - 1] + density(edge[i - 1])));
  }
  for (let i = 0; i < LAYERS; i++) {
    width[i] = edge[i] / STEPS;
    inner[i] = Math.floor(edge[i + 1] / edge[i] * STEPS);
    height[i] = density(edge[i]);
  }
  height[LAYERS] = 1;
}

/**
 * Fills an array with normal numbers of mean 0, fast: about 10 ns each.
 *
 * The ziggurat method (Marsaglia and Tsang 2000, with Doornik's 2005 advice to take the layer and the
 * place in it from different bits) over the generator xoshiro128++ (Blackman and Vigna 2021), which
 * is seeded by `random`. The same `random` gives the same numbers.
 *
 * @param deviation their standard deviation
 */
export function fillNormals(out: Float32Array, random: Random, deviation = 1): void {
  let s0 = random.uint32() | 0, s1 = random.uint32() | 0;
  let s2 = random.uint32() | 0, s3 = random.uint32() | 1;
  const word = () => {
    const sum = (s0 + s3) | 0;
    const drawn = (((sum << 7) | (sum >>> 25)) + s0) | 0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 11) | (s3 >>> 21);
    return drawn;
  };
  /** Uniform in (0, 1]. */
  const uniform = () => ((word() >>> 0) + 1) / 2 ** 32;
  const tail = () => {
    for (;;) {
      const x = -Math.log(uniform()) / TAIL, y = -Math.log(uniform());
      if (2 * y > x * x) return TAIL + x;
    }
  };
  for (let i = 0; i < out.length; i++) {
    for (;;) {
      const drawn = word();
      const layer = drawn & 127, step = drawn >> 7;
      const x = step * width[layer];
      const size = step < 0 ? -step : step;
      if (size < inner[layer]) {
        out[i] = x * deviation;
        break;
      }
      if (layer === 0) {
        out[i] = (step < 0 ? -tail() : tail()) * deviation;
        break;
      }
      const low = height[layer], high = height[layer + 1];
      if (low + uniform() * (high - low) < density(x)) {
        out[i] = x * deviation;
        break;
      }
    }
  }
}
