/** Milliseconds between two reads of losses. */
const PAUSE = 1000;

/** How fast a training is: tokens a second, time left, share of the host. */
export class Pace {
  readonly #start = performance.now();
  #began = this.#start;
  #lastRead = this.#began;
  #sinceRead = 0;
  #host = 0;
  #tokens = 0;
  #done = 0;
  /** Steps, tokens and time of the first read: compiling kernels is no measure for the rest. */
  #first: { done: number; tokens: number; host: number; at: number } | undefined;
  /** Steps that can be made before losses are read again. */
  stepsPerRead = 1;

  /** @param steps that will be made. */
  constructor(readonly steps: number) {}

  /** Runs a step, which returns its number of tokens. */
  step(run: () => number): void {
    const start = performance.now();
    this.#tokens += run();
    this.#host += performance.now() - start;
    this.#done++;
    this.#sinceRead++;
  }

  /** The device has done all steps. */
  read(): void {
    const now = performance.now();
    if (this.#sinceRead > 0) {
      const each = Math.max(0.01, (now - this.#lastRead) / this.#sinceRead);
      // Grows slowly: the first steps after a change may be quicker than they seem.
      this.stepsPerRead = Math.max(1, Math.min(2 * this.stepsPerRead, Math.floor(PAUSE / each)));
    }
    this.#lastRead = now;
    this.#sinceRead = 0;
    this.#first ??= { done: this.#done, tokens: this.#tokens, host: this.#host, at: now };
  }

  /** Runs something that is no training: its time does not count for the rates. */
  async outside<T>(run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await run();
    } finally {
      const ms = performance.now() - start;
      this.#began += ms;
      this.#lastRead += ms;
      if (this.#first) this.#first.at += ms;
    }
  }

  /** Seconds since the beginning, everything included. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  get tokensPerSecond(): number {
    const { tokens, seconds } = this.#measured();
    return tokens / seconds;
  }

  get secondsLeft(): number {
    const { done, seconds } = this.#measured();
    return (this.steps - this.#done) * seconds / done;
  }

  get hostShare(): number {
    const { host, seconds } = this.#measured();
    return Math.min(1, host / 1000 / seconds);
  }

  /** What was done between the first and the last read, or up to now if there was one only. */
  #measured(): { done: number; tokens: number; host: number; seconds: number } {
    const first = this.#first && this.#first.done < this.#done
      ? this.#first
      : { done: 0, tokens: 0, host: 0, at: this.#began };
    return {
      done: Math.max(1, this.#done - first.done),
      tokens: this.#tokens - first.tokens,
      host: this.#host - first.host,
      seconds: Math.max(1e-6, (this.#lastRead - first.at) / 1000),
    };
  }
}
