import { embedding as forward } from "../../kernels/embedding.ts";
import { gatherSum } from "../../kernels/gather_sum.ts";
import { elementGrid, rowGrid } from "../../kernels/grid.ts";
import type { Bindable } from "../gpu/device.ts";
import { type GradientPlace, gradientPlace } from "../tensor/gradient_place.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32, checkRange, checkRank, hostInts } from "./check.ts";

/** Positions that one workgroup adds at most, unless there are very many. */
const PIECE = 128;

/**
 * Rows of a table: y[…, :] = table[ids[…], :].
 *
 * The gradient of the table is computed without atomics (positions are grouped by token on the
 * host), so that it has the same bits on every run.
 *
 * @param ids i32, any shape, made with `gpu.tensor(Int32Array)`.
 * @param table [V, D].
 * @returns ids' shape with D appended.
 * @throws {RangeError} if an id is not a row of the table, naming its place.
 */
export function embedding(ids: Tensor, table: Tensor): Tensor {
  checkF32("embedding", { table });
  checkRank("embedding", "table", table, "[V, D]");
  const { gpu } = table;
  const [rows, columns] = table.shape;
  const tokens = hostInts("embedding", "ids", ids);
  checkRange("embedding", "ids", tokens, rows);
  const y = gpu.empty([...ids.shape, columns], { label: "embedding" });
  const vector = columns % 4 === 0;
  const width = vector ? columns / 4 : columns;
  const count = tokens.length * width;
  gpu.run(
    forward({ vector }),
    { ids, table, y },
    { count, columns: width },
    elementGrid(count, 256),
  );
  record({
    name: "embedding",
    inputs: [table],
    outputs: [y],
    backward: ([dy]) => [addByToken(tokens, dy!, gradientPlace(table))],
  });
  return y;
}

/** dtable[v, :] += Σ over the positions n with ids[n] = v of dy[n, :]. */
function addByToken(
  tokens: Int32Array,
  dy: Bindable,
  { into: dtable, accumulate }: GradientPlace,
): Tensor {
  const { gpu, shape: [rows, columns] } = dtable;
  if (!accumulate) gpu.clear(dtable);
  const { order, starts } = groupByToken(tokens, rows);
  const pieceLength = Math.max(PIECE, Math.ceil(Math.sqrt(tokens.length)));
  // Tokens in one piece go to the table at once; the others by way of partial sums.
  const direct: number[] = [], split: number[] = [], joined: number[] = [];
  for (let token = 0; token < rows; token++) {
    const first = starts[token], end = starts[token + 1];
    if (first === end) continue;
    if (end - first <= pieceLength) {
      direct.push(token, first, end, 0);
      continue;
    }
    const firstPart = split.length / 4;
    for (let at = first; at < end; at += pieceLength) {
      split.push(split.length / 4, at, Math.min(end, at + pieceLength), 0);
    }
    joined.push(token, firstPart, split.length / 4, 0);
  }
  using onDevice = gpu.tensor(order, [order.length], { label: "positions by token" });
  const add = (
    x: Bindable,
    order: Bindable,
    list: readonly number[],
    y: Bindable,
    accumulate = true,
  ) => {
    if (list.length === 0) return;
    using pieces = gpu.tensor(new Int32Array(list), [list.length], { label: "pieces" });
    const [gx, gy] = rowGrid(list.length / 4);
    const kernel = gatherSum({ accumulate });
    gpu.run(kernel, { x, order, pieces, y }, { pieces_count: list.length / 4, columns }, [
      gx,
      gy,
      Math.ceil(columns / kernel.tile.columns),
    ]);
  };
  add(dy, onDevice, direct, dtable);
  if (split.length > 0) {
    const parts = split.length / 4;
    using sums = gpu.empty([parts, columns], { label: "partial gradients" });
    using identity = gpu.tensor(Int32Array.from({ length: parts }, (_, i) => i));
    add(dy, onDevice, split, sums, false);
    add(sums, identity, joined, dtable);
  }
  return dtable;
}

/** Positions sorted by token (stable), and where each token's positions start. */
function groupByToken(
  tokens: Int32Array,
  rows: number,
): { order: Int32Array<ArrayBuffer>; starts: Int32Array } {
  const starts = new Int32Array(rows + 1);
  for (const token of tokens) starts[token + 1]++;
  for (let token = 0; token < rows; token++) starts[token + 1] += starts[token];
  const next = starts.slice(), order = new Int32Array(tokens.length);
  tokens.forEach((token, position) => order[next[token]++] = position);
  return { order, starts };
}
