import { display, type Output } from "./display.ts";
import { formatDuration, formatNumber } from "./format_number.ts";
import { breathe } from "./interrupt.ts";
import { jupyter } from "./jupyter.ts";
import { escapeHtml } from "./table.ts";
import { theme } from "./theme.ts";

/** Options of {@link progress}. */
export interface ProgressOptions {
  /** What is being done: "Training". */
  label?: string;
  /** What is counted: "steps" (default), "files", "tokens". */
  unit?: string;
}

/** Shortest time between two updates, in milliseconds: in a notebook, and as printed lines. */
const PAUSE = { notebook: 200, lines: 5000 };

/**
 * A progress bar that updates in place in a notebook and prints a line now and then elsewhere.
 *
 * ```ts
 * import { progress } from "cutloss/notebook/mod.ts";
 *
 * await using bar = progress(3, { label: "Training" });
 * for (let step = 1; step <= 3; step++) {
 *   await bar.update(step, { loss: 1 / step });
 * }
 * ```
 *
 * It is shown at most five times a second, so it may be updated in every step; `update` also lets
 * the reader interrupt the cell.
 *
 * @param total how many steps there will be, a positive number
 */
export function progress(total: number, options: ProgressOptions = {}): ProgressBar {
  if (!(total > 0)) throw new Error(`progress: total is ${total}; expected a positive number.`);
  return new ProgressBar(total, options);
}

/** What {@link progress} returns. */
export class ProgressBar implements AsyncDisposable {
  #id = crypto.randomUUID();
  #began = performance.now();
  #shown = -Infinity;
  #displayed = false;
  #done = 0;
  #values: Record<string, number | string> = {};
  #finished = false;

  constructor(readonly total: number, readonly options: ProgressOptions) {}

  /**
   * Says how much is done.
   *
   * @param done steps done so far, 0 … total
   * @param values shown behind the bar, such as `{ loss: 1.23 }`
   * @throws InterruptedError if the reader interrupted the cell
   */
  async update(done: number, values: Record<string, number | string> = {}): Promise<void> {
    this.#done = done;
    this.#values = { ...this.#values, ...values };
    if (done >= this.total) await this.finish();
    else if (performance.now() - this.#shown >= (jupyter() ? PAUSE.notebook : PAUSE.lines)) {
      await this.#show();
    }
    try {
      await breathe();
    } catch (error) { // the reader interrupted: leave the bar as far as it came
      await this.finish();
      throw error;
    }
  }

  /** Shows the last state. Further calls do nothing. */
  async finish(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    await this.#show();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  async #show(): Promise<void> {
    this.#shown = performance.now();
    const update = this.#displayed;
    this.#displayed = true;
    const seconds = (this.#shown - this.#began) / 1000;
    await display(this.output(seconds), { id: this.#id, update, hurry: !this.#finished });
  }

  /** The output for the present state, after some seconds. */
  output(seconds: number): Output {
    const { label = "Progress", unit = "steps" } = this.options;
    const share = Math.min(1, this.#done / this.total);
    const parts = [`${formatNumber(this.#done)} of ${formatNumber(this.total)} ${unit}`];
    if (this.#done > 0 && seconds > 0) {
      parts.push(`${formatNumber(this.#done / seconds, 3)} ${unit}/s`);
    }
    parts.push(formatDuration(seconds));
    if (this.#done > 0 && share < 1 && !this.#finished) {
      parts.push(`${formatDuration(seconds / share - seconds)} left`);
    }
    for (const [name, value] of Object.entries(this.#values)) {
      parts.push(`${name} ${typeof value === "number" ? formatNumber(value) : value}`);
    }
    const line = `${label}: ${parts.join(" · ")}`;
    return {
      data: {
        "text/html": barHtml(label, parts, share),
        "text/plain": `${String(Math.round(100 * share)).padStart(3)} % ${line}`,
      },
      metadata: {
        kind: "progress",
        label,
        done: this.#done,
        total: this.total,
        seconds: Math.round(seconds * 100) / 100,
        finished: this.#done >= this.total,
      },
    };
  }
}

function barHtml(label: string, parts: string[], share: number): string {
  const percent = (100 * share).toFixed(1);
  const [blue] = theme.light.series;
  return `<div style="display:flex;flex-wrap:wrap;gap:0.75em;align-items:center">` +
    `<strong>${escapeHtml(label)}</strong>` +
    `<progress max="100" value="${percent}" aria-label="${escapeHtml(label)}" ` +
    `style="width:14em;accent-color:${blue}">${percent} %</progress>` +
    `<span style="font-variant-numeric:tabular-nums">${escapeHtml(parts.join(" · "))}</span></div>`;
}
