/** Choosing among variants of a kernel by measuring them on this adapter, once. */
import type { Kernel } from "../../kernels/kernel.ts";
import type { AdapterDescription } from "./adapter.ts";
import { GpuError } from "./errors.ts";
import type { Timing } from "./timer.ts";
import type { TuningStore } from "./tuning_store.ts";

/** One of the variants to choose from. */
export interface Candidate<T> {
  /** Short, such as "128×128×16". */
  name: string;
  value: T;
  /** What is compiled, and whose time counts. */
  kernel: Kernel;
  /** Records work that uses this variant. */
  run(): void;
}

/** What was chosen, and why. */
export interface TuningResult {
  /** What was chosen for: a kernel, and how it is used. */
  subject: string;
  /** Class of shapes the choice holds for. */
  shapes: string;
  /** Name of the candidate. */
  choice: string;
  /** "measured" in this run, "stored" by an earlier one, or the "default" unmeasured. */
  source: "default" | "measured" | "stored";
  /** Milliseconds of each candidate that was measured. */
  ms: Record<string, number>;
  /** What went otherwise than planned, in sentences. */
  notes: string[];
}

/** As much of a device as is needed to measure on it. */
export interface TuningDevice {
  readonly adapter: AdapterDescription;
  compile(kernel: Kernel): Promise<void>;
  /** Submits what is recorded, without waiting for it. */
  flush(): void;
  time<T>(fn: () => T | PromiseLike<T>, options: { perKernel: boolean }): Promise<Timing<T>>;
}

/** Settings of {@linkcode Tuning}. */
export interface TuningOptions {
  /** `false`: nothing is measured, every choice is the default. */
  enabled?: boolean;
  /** Remembers choices beyond this run. */
  store?: TuningStore;
  /** Clock in milliseconds. */
  now?: () => number;
  /** Milliseconds that the device has been busy for before anything is measured (default 300). */
  warmUp?: number;
}

/**
 * By how much a candidate must beat the default: more than repeated measurements differ, and what is measured
 * from the work it stands for, which may be much larger. (64 × 64 tiles won by 4.6% for the dC of 16,384
 * entries, measured for one of 256,000; tuned, those gradients took 838 ms for 687, NVIDIA H200.)
 */
const MARGIN = { byDevice: 0.06, byHost: 0.1 };
/** A candidate this much slower than the best one in its first run is not measured further. */
const HOPELESS = 1.5;
/** How often each is measured; the least counts. */
const ROUNDS = 4;
/** Runs of a candidate that are submitted at once. */
const MOST_RUNS = 256;
/** Milliseconds of work before the first measurement, after which a GPU's clock is up. */
const WARM_UP = 300;

/**
 * The choices made for one device: asked by whoever picks a kernel's variant, filled by
 * {@linkcode Tuning.choose}. Variants differ in speed, not in their results.
 */
export class Tuning {
  /** Whether candidates are measured. */
  readonly enabled: boolean;
  readonly #device: TuningDevice;
  readonly #store: TuningStore | undefined;
  readonly #now: () => number;
  readonly #warmUp: number;
  readonly #values = new Map<string, unknown>();
  readonly #results = new Map<string, TuningResult>();
  readonly #forced = new Map<string, unknown>();

  constructor(
    device: TuningDevice,
    { enabled = true, store, now, warmUp = WARM_UP }: TuningOptions = {},
  ) {
    this.enabled = enabled;
    this.#device = device;
    this.#store = store;
    this.#now = now ?? (() => performance.now());
    this.#warmUp = warmUp;
  }

  /** The value chosen for a subject and class of shapes; undefined if none was. */
  get<T>(subject: string, shapes: string): T | undefined {
    return (this.#forced.get(subject) ?? this.#values.get(`${subject}, ${shapes}`)) as
      | T
      | undefined;
  }

  /** All choices made so far. */
  get results(): TuningResult[] {
    return [...this.#results.values()];
  }

  /** What is done within `fn` uses this value for a subject, whatever was chosen. */
  using<R>(subject: string, value: unknown, fn: () => R): R {
    const before = this.#forced.get(subject);
    this.#forced.set(subject, value);
    try {
      return fn();
    } finally {
      if (before === undefined) this.#forced.delete(subject);
      else this.#forced.set(subject, before);
    }
  }

  /**
   * Finds the fastest candidate: from memory, from the store, or by measuring. The first candidate
   * is the default: it stays unless another one is clearly faster.
   *
   * @param budget milliseconds it may take, about; candidates that do not fit in are left out.
   */
  async choose<T>(
    subject: string,
    shapes: string,
    candidates: readonly Candidate<T>[],
    { budget = 1000 }: { budget?: number } = {},
  ): Promise<TuningResult> {
    if (candidates.length === 0) throw new GpuError(`There is nothing to choose for ${subject}.`);
    const known = this.#results.get(`${subject}, ${shapes}`);
    if (known) return known;
    const blank: TuningResult = {
      subject,
      shapes,
      choice: candidates[0].name,
      source: "default",
      ms: {},
      notes: [],
    };
    if (!this.enabled || candidates.length === 1) return this.#remember(blank, candidates);
    const key = await this.#key(subject, shapes, candidates);
    const stored = await this.#load(key, candidates, blank.notes);
    if (stored) return this.#remember({ ...blank, ...stored, source: "stored" }, candidates);
    const result = await this.#measure(blank, candidates, this.#now() + budget);
    this.#remember(result, candidates);
    if (result.source === "measured") {
      const { choice, ms, notes } = result;
      try {
        await this.#store?.save(key, JSON.stringify({ key, choice, ms, notes }));
      } catch (error) {
        result.notes.push(`The choice could not be saved: ${(error as Error).message}`);
      }
    }
    return result;
  }

  async #measure<T>(
    blank: TuningResult,
    candidates: readonly Candidate<T>[],
    deadline: number,
  ): Promise<TuningResult> {
    const ms: Record<string, number> = {}, notes = [...blank.notes];
    const compiled: Candidate<T>[] = [];
    const timed = (candidate: Candidate<T>) =>
      this.#unlessRefused(candidate, notes, () => this.#time(candidate));
    let margin = 0, longest = 0, run = 0, busySince = Infinity;
    // Compiling would leave the device idle, and its clock low: meanwhile it runs the first candidate.
    for (const candidate of candidates) {
      const start = this.#now();
      if (compiled.length > 0 && start + longest + (compiled.length + 1) * run > deadline) {
        const tried = candidates.indexOf(candidate);
        notes.push(`Time was up after ${tried} of ${candidates.length} candidates.`);
        break;
      }
      if (compiled.length > 0) this.#keepBusy(compiled[0], longest / run);
      await this.#unlessRefused(candidate, notes, async () => {
        await this.#device.compile(candidate.kernel);
        compiled.push(candidate);
      });
      longest = Math.max(longest, this.#now() - start);
      if (compiled.length === 0) continue;
      busySince = Math.min(busySince, this.#now());
      const timing = await timed(compiled[0]);
      if (timing) run = Math.max(timing.ms, 0.1);
      else compiled.shift();
    }
    while (compiled.length > 0 && this.#now() < busySince + this.#warmUp) {
      if (!await timed(compiled[0])) compiled.shift();
    }
    // All are measured at one clock, in turns.
    for (let round = 0; round < ROUNDS && (round === 0 || this.#now() < deadline); round++) {
      for (const candidate of compiled) {
        const { name } = candidate, best = Math.min(...Object.values(ms));
        if (round > 0 && !(ms[name] <= HOPELESS * best)) continue;
        const timing = await timed(candidate);
        if (!timing) continue;
        margin = timing.byDevice ? MARGIN.byDevice : MARGIN.byHost;
        ms[name] = Math.min(ms[name] ?? Infinity, timing.ms);
      }
    }
    const names = Object.keys(ms);
    if (names.length === 0) return { ...blank, notes };
    const fastest = names.reduce((a, b) => ms[b] < ms[a] ? b : a);
    const standard = ms[candidates[0].name];
    const choice = ms[fastest] < (standard ?? Infinity) * (1 - margin)
      ? fastest
      : candidates[0].name;
    return { ...blank, choice, source: "measured", ms, notes };
  }

  /** Submits work for so many runs of a candidate. */
  #keepBusy<T>({ run }: Candidate<T>, runs: number): void {
    for (let i = 0; i < Math.min(runs, MOST_RUNS); i++) run();
    this.#device.flush();
  }

  /** Does something with a candidate; if the device refuses it, notes that and gives undefined. */
  async #unlessRefused<T, R>(
    { name }: Candidate<T>,
    notes: string[],
    fn: () => Promise<R>,
  ): Promise<R | undefined> {
    try {
      return await fn();
    } catch (error) {
      if (!(error instanceof GpuError)) throw error;
      notes.push(`${name} was left out: ${error.message}`);
    }
  }

  /** Time of the candidate's kernel. */
  async #time<T>({ kernel, run }: Candidate<T>): Promise<{ ms: number; byDevice: boolean }> {
    const { ms, byDevice, passes } = await this.#device.time(() => run(), { perKernel: true });
    const own = passes.filter(({ name }) => name === kernel.name);
    return {
      ms: byDevice && own.length > 0 ? own.reduce((sum, pass) => sum + pass.ms, 0) : ms,
      byDevice,
    };
  }

  #remember<T>(result: TuningResult, candidates: readonly Candidate<T>[]): TuningResult {
    const place = `${result.subject}, ${result.shapes}`;
    this.#values.set(place, candidates.find(({ name }) => name === result.choice)!.value);
    this.#results.set(place, result);
    return result;
  }

  /** What a measurement depends on: another adapter, driver, shape or kernel makes another key. */
  async #key(
    subject: string,
    shapes: string,
    candidates: readonly Candidate<unknown>[],
  ): Promise<string> {
    const { description, vendor, architecture, device } = this.#device.adapter;
    const code = candidates.map(({ name, kernel }) => `${name}\n${kernel.code}`).join("\n");
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
    const kernels = [...new Uint8Array(hash, 0, 8)].map((x) => x.toString(16).padStart(2, "0"));
    const adapter = [...new Set([description, vendor, architecture, device])].filter(Boolean);
    return [subject, shapes, ...adapter, this.#store?.driver ?? "", kernels.join("")].join(" | ");
  }

  async #load(
    key: string,
    candidates: readonly Candidate<unknown>[],
    notes: string[],
  ): Promise<Pick<TuningResult, "choice" | "ms" | "notes"> | undefined> {
    try {
      const text = await this.#store?.load(key);
      if (text === undefined) return undefined;
      const saved = JSON.parse(text);
      // A store may shorten keys: what was saved under another one is as good as nothing.
      if (saved.key !== key || !candidates.some(({ name }) => name === saved.choice)) {
        return undefined;
      }
      return { choice: saved.choice, ms: saved.ms, notes: [...notes, ...saved.notes] };
    } catch (error) {
      notes.push(`A stored choice could not be read: ${(error as Error).message}`);
    }
    return undefined;
  }
}
