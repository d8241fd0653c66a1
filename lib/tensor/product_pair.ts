/** Two matrix products in one dispatch: see kernels/matmul_pair.ts. */
import { rowGrid } from "../../kernels/grid.ts";
import { matmulPair, PAIR } from "../../kernels/matmul_pair.ts";
import { isSameTile } from "../../kernels/tile.ts";
import { type Bindable, type GpuDevice, toSlice } from "../gpu/device.ts";
import { begin, operandsOf, type Product, type Started } from "./product.ts";
import { type Plan, planOf, transposedFirst } from "./product_plan.ts";

/** What making pairs can be tuned by, which tests do. */
export const IN_PAIRS = "in_pairs";

/**
 * Records two products that do not depend on each other, but for the sums of their parts, as one dispatch.
 *
 * @returns both, in their order. Undefined if they cannot be one dispatch, or are slower that way; then nothing
 *   is recorded.
 */
export function startPair(gpu: GpuDevice, products: readonly Product[]): Started[] | undefined {
  if (products.length !== 2 || !products.every(isPlain)) return undefined;
  const plans = products.map((p) => planOf(gpu, p));
  if (!(gpu.tuning.get<boolean>(IN_PAIRS, "") ?? isFasterInPair(gpu, plans))) return undefined;
  if (!canPair(gpu, products, plans)) return undefined;
  const started: Started[] = [];
  try {
    const pair = products.map((p, i) => {
      const begun = begin(gpu, p, plans[i]);
      started.push(begun.started);
      return { ...begun, plan: plans[i] };
    });
    runPair(gpu, pair);
    return started;
  } catch (error) {
    for (const { release } of started) release();
    throw error;
  }
}

/** Whether the kernel knows such products: what gradients need. */
function isPlain(p: Product): boolean {
  const { batch = 1, activation = "none", half, bias, residual, checked, exponentials } = p;
  return batch === 1 && activation === "none" &&
    !half && !bias && !residual && !checked && !exponentials;
}

function canPair(gpu: GpuDevice, products: readonly Product[], plans: readonly Plan[]): boolean {
  if (products.some((p) => transposedFirst(gpu, p))) return false;
  if (!isSameTile(plans[0].constants.tile, plans[1].constants.tile)) return false;
  const buffers = products.map((p) =>
    Object.values(operandsOf(p)).map((each) => toSlice(each).buffer)
  );
  // WebGPU refuses a buffer that is read and written by the same dispatch, also in different places.
  if (products.some(({ y }, i) => buffers[1 - i].includes(toSlice(y).buffer))) return false;
  const count = buffers.flat().length + plans.filter(({ splits }) => splits > 1).length;
  return count <= gpu.limits.maxStorageBuffersPerShaderStage;
}

/** The k that a workgroup goes through. */
function lengthOf({ params: { k, partK } }: Plan): number {
  return Math.min(k, partK);
}

/** Records the dispatch, the product first whose workgroups take longer. */
function runPair(
  gpu: GpuDevice,
  products: readonly { plan: Plan; operands: Record<string, Bindable> }[],
): void {
  const pair = products.toSorted((one, other) => lengthOf(other.plan) - lengthOf(one.plan));
  const [first, second] = pair.map(({ plan }) => plan);
  /** Names of both, told apart. */
  const named = <T>(values: readonly Record<string, T>[]): Record<string, T> =>
    Object.fromEntries(
      values.flatMap((each, i) => Object.entries(each).map(([name, x]) => [name + PAIR[i], x])),
    );
  const countOf = ({ grid: [x, y, z] }: Plan) => x * y * z;
  const firstCount = countOf(first), count = firstCount + countOf(second);
  gpu.run(
    matmulPair({ pair: [first.constants, second.constants] }),
    named(pair.map(({ operands }) => operands)),
    { ...named([first.params, second.params]), firstCount, count },
    rowGrid(count),
  );
}

/**
 * The k of the shorter workgroups up to which two products are faster in one dispatch. They begin when one of
 * the longer ones happens to end, so at the end processors wait for half of one on average.
 */
const PAIRED_LENGTH = 1024;

/**
 * Whether two products with the same tile are faster in one dispatch than in two. Measured on an NVIDIA H200
 * with dE and dC of blocks of logits: all of 384 rows (GPT-2) 40.4 ms for 40.8, of 640 (Phi 3.5) 102.7 for
 * 104.7; of 1536 (V = 12,564) 10.5 for 10.4, of 8192 40.9 for 40.1.
 */
export function isFasterInPair(gpu: GpuDevice, plans: readonly Plan[]): boolean {
  // The software adapter takes twice as long to compile them, and has nothing to wait for.
  return !gpu.adapter.software && Math.min(...plans.map(lengthOf)) <= PAIRED_LENGTH;
}
