/**
 * Logits of cut cross-entropy in registers: z = softcap(e · c + bias) of a tile's accumulators, in the
 * forward pass and again, bit for bit the same, in the backward pass.
 */
import { TANH4 } from "./activation.ts";
import { join, unroll, wgsl } from "./kernel.ts";
import { OVERFLOWED } from "./not_finite.ts";
import { columnGroups, rowsPerThread, tileColumn, type TileShape } from "./tile.ts";

/** Stands for minus infinity: finite, so that differences stay finite. */
export const LOWEST = "-3.0e38";

/** Stands for a logit that is infinite or no number: larger than any that is meant. */
export const TOO_LARGE = "3.0e38";

/** WGSL of the functions that logits are made with. */
export function logitFunctions(softcap: boolean): string {
  return softcap ? TANH4 + OVERFLOWED : OVERFLOWED;
}

/** WGSL of `z{i}_{j}`: logits from the accumulators, for columns `column` … + 3 of the shard. */
export function logitsFromAccumulators(
  tile: TileShape,
  { bias, softcap }: { bias: boolean; softcap: boolean },
  firstColumn: string,
): string {
  return unroll(
    columnGroups(tile),
    (j) =>
      wgsl`let column${j} = ${firstColumn} + ${tileColumn(tile, j)} + vec4u(0u, 1u, 2u, 3u);
    let inside${j} = column${j} < vec4u(params.columns);
    ${
        bias
          ? `let bias${j} = vec4f(${
            join(4, ", ", (e) => `bias[params.first + min(column${j}[${e}], params.columns - 1u)]`)
          }); let spoilt${j} = spoilt(bias${j});`
          : ""
      }
    ${
        unroll(rowsPerThread(tile), (i) => {
          const sum = `acc${i}_${j}${bias ? ` + bias${j}` : ""}`;
          const z = softcap ? `params.softcap * tanh4((${sum}) / params.softcap)` : sum;
          const bad = `overflowed(acc${i}_${j})${bias ? ` | spoilt${j}` : ""}`;
          const checked = `select(max(${z}, vec4f(${LOWEST})), vec4f(${TOO_LARGE}), ${bad})`;
          return `let z${i}_${j} = select(vec4f(${LOWEST}), ${checked}, inside${j});`;
        })
      }`,
  );
}
