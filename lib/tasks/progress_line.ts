/** Elapsed time as m:ss. */
export function minutes(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Seconds after which a log says again where the work stands. */
const REMINDER = 30;

/**
 * Shows where long work stands: on a terminal one line that is written over and whose clock runs, in
 * a file or a log one line a step, and again every half minute.
 */
export class ProgressLine {
  readonly #terminal = Deno.stdout.isTerminal();
  readonly #encoder = new TextEncoder();
  readonly #began = performance.now();
  #timer?: ReturnType<typeof setInterval>;
  #text: (elapsed: string) => string = () => "";

  /** Shows a step; `text` gets the time since this object was made. */
  step(text: (elapsed: string) => string): void {
    this.#text = text;
    this.#draw();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#draw(), this.#terminal ? 500 : REMINDER * 1000);
  }

  /** Removes the line on a terminal, and prints `text` to stay if there is one. */
  finish(text?: string): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#terminal) this.#write("\r\x1b[2K");
    if (text !== undefined) console.log(text);
  }

  #draw(): void {
    const line = this.#text(minutes((performance.now() - this.#began) / 1000));
    if (!this.#terminal) return console.log(line);
    const columns = Deno.consoleSize().columns;
    // A line longer than the terminal would wrap, and then not be written over.
    const fitting = line.length < columns ? line : line.slice(0, columns - 2) + "…";
    this.#write(`\r\x1b[2K${fitting}`);
  }

  #write(text: string): void {
    Deno.stdout.writeSync(this.#encoder.encode(text));
  }
}
