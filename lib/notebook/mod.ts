/**
 * What a notebook's cell calls: figures, tables, progress, scale, provenance, interruption.
 *
 * ```ts ignore
 * import { currentScale, figure, log, progress, scale, show, table } from "../lib/notebook/mod.ts";
 * ```
 *
 * # Notebook outputs
 *
 * What these functions leave in a notebook, for exporters and other readers. Every output is a
 * `display_data` whose `data` offers the same thing in several MIME types, and whose
 * `metadata.cutloss` (types in outputs.ts, read with `outputMetadata(output)`) says what it is by
 * its `kind`.
 *
 * | kind | MIME types in `data` | other keys of `metadata.cutloss` |
 * | --- | --- | --- |
 * | `figure` | `application/vnd.plotly.v1+json` ({data, layout, config}), `image/svg+xml` (text), `image/png` (base64), `text/plain` | id, caption, alt, table, width, height |
 * | `table` | `text/html`, `text/markdown`, `text/plain` | id, caption, table |
 * | `provenance` | as a table | id "provenance", caption, table, provenance |
 * | `progress` | `text/html`, `text/plain`, last state only | label, done, total, seconds, finished |
 * | `live-plot` | as a figure; one that was cut short may have the picture and text only | id, caption, alt, table, width, height |
 * | `caption` | `text/markdown`, `text/plain` | of: the id of the figure before it; pages that show captions pass it over |
 * | `result` | as a table | values: [{ name, value, unit? }, …], the notebook's main results |
 *
 * - `table` is `{ columns: [{ name, unit?, numeric }], rows: [[value, …], …] }`: rounded numbers, not
 *   formatted text; `null` stands for what is missing or not finite.
 * - A caption carries no number: whoever makes a page counts figures and tables in order.
 * - A figure never carries `text/html`, so that no viewer prefers it to the picture.
 * - `image/svg+xml` stands on an opaque light ground and names the font family Inter with fallbacks;
 *   its colours are those of `theme.light` in theme.ts, and `theme.dark` has their counterparts.
 * - The Plotly layout carries colours of the light theme in the usual places (`paper_bgcolor`,
 *   `plot_bgcolor`, `font.color`, axis `color`, `gridcolor`, `zerolinecolor`); traces name their own.
 * - Text, Markdown and HTML strings that `show` displays, `log` lines (a `stream` output named
 *   stdout) and plain values carry no `metadata.cutloss`.
 * - The executor adds to each code cell `metadata.execution` (Jupyter's timing keys, ISO dates) and
 *   to the notebook `metadata.cutloss` = { scale, seed, executed (ISO date), seconds, deno }.
 *
 * # Parameters
 *
 * A notebook's first code cell is tagged `parameters` and sets `scale` and `seed`; `currentScale(gpu,
 * parameters)` and `currentSeed(parameters)` give what holds: first the environment (`CUTLOSS_SCALE`,
 * `CUTLOSS_SEED`), then the parameters cell, then what fits the adapter, and the seed 0. Values set
 * from outside for one execution (`deno task notebook 06 --set seed=3`) stand in a cell of their own
 * after it, tagged `injected-parameters`, and go before the environment.
 *
 * @module
 */
import { installInterruptHandler } from "./interrupt.ts";
import { showUnhandledRejections } from "./rejections.ts";

export {
  type Descrambler,
  descramblerFolder,
  loadDescrambler,
  saveDescrambler,
} from "./descrambler.ts";
export { figure, type FigureOptions } from "./figure.ts";
export { formatBytes, formatDuration, formatNumber } from "./format_number.ts";
export type { AdapterLike, GpuLike } from "./gpu_like.ts";
export {
  breathe,
  checkInterrupt,
  interrupted,
  InterruptedError,
  interruptSignal,
} from "./interrupt.ts";
export { LivePlot, livePlot, type LivePlotOptions } from "./live_plot.ts";
export * from "./outputs.ts";
export { progress, ProgressBar, type ProgressOptions } from "./progress.ts";
export { collectProvenance, type Provenance, provenance } from "./provenance.ts";
export { result } from "./result.ts";
export { currentScale, currentSeed, type Parameters, type Scale, scale, SCALES } from "./scale.ts";
export { log, type MarkedText, show } from "./show.ts";
export { table, type TableData, type TableOptions } from "./table.ts";
export { theme, type ThemeColours } from "./theme.ts";
export { openTrainingRun, type TrainingRun } from "./training_run.ts";

installInterruptHandler();
showUnhandledRejections();
