/** What goes wrong on a device, heard of later and lost never. */
import { DeviceLostError, formatBytes, GpuError, OutOfMemoryError } from "./errors.ts";
import type { MemoryLedger } from "./ledger.ts";

/**
 * Error scopes around everything that is submitted, the loss of the device, and the first failure,
 * which all later calls throw: what follows from it would be nothing but zeros.
 */
export class Failures {
  /** Whether the device was closed by us. */
  closed = false;

  #first: GpuError | undefined;
  #checks: Promise<unknown>[] = [];
  #lost: DeviceLostError | undefined;
  /** Rejects what waits for the device. */
  #waiting = new Set<(error: GpuError) => void>();

  constructor(private readonly device: GPUDevice, private readonly memory: MemoryLedger) {
    device.lost.then((info) => {
      const why = this.closed ? "it was closed" : info.message || info.reason;
      this.#lost = new DeviceLostError(`The GPU device is gone: ${why}.`);
      const error = this.#fail(this.#lost);
      for (const reject of this.#waiting) reject(error);
    });
    this.#openScopes();
  }

  /** Throws the first failure, if there was one. */
  throwIfAny(): void {
    if (this.closed) throw new DeviceLostError("The GPU has been closed.");
    if (this.#first) throw this.#first;
  }

  /** A batch of these kernels was submitted: what is recorded from now on is judged apart. */
  submitted(names: readonly string[]): void {
    const during = names.length > 0
      ? ` while running ${names.map((n) => `"${n}"`).join(", ")}`
      : "";
    this.watch(
      this.device.popErrorScope(),
      (m) => new GpuError(`The device failed${during}: ${m}`),
    );
    this.watch(
      this.device.popErrorScope(),
      (m) =>
        new OutOfMemoryError(
          `The device ran out of memory${during}: ${m} (${
            formatBytes(this.memory.live)
          } were in use). Open another Gpu to go on.`,
        ),
    );
    this.watch(
      this.device.popErrorScope(),
      (m) => new GpuError(`The device refused an operation${during}: ${m}`),
    );
    this.#openScopes();
  }

  /** Remembers what an error scope will say. */
  watch(scope: Promise<GPUError | null>, explain: (message: string) => GpuError): void {
    const check = scope.then((error) => {
      if (error) this.#fail(explain(error.message));
    }, () => {}); // the scope is gone with the device, which `lost` reports
    this.#checks.push(check);
    if (this.#checks.length > 64) this.#checks = [Promise.all(this.#checks)];
  }

  /** Waits for the verdict on everything that was submitted, and throws what went wrong in it. */
  async settle(): Promise<void> {
    const checks = this.#checks;
    this.#checks = [];
    await this.guard(Promise.all(checks));
    this.throwIfAny();
  }

  /**
   * Waits for work of the device. If it is gone, that is the error, not what follows from it.
   *
   * No `Promise.race` with the loss: a promise that stays pending holds all that ever raced with it,
   * and so every byte that was ever read.
   */
  async guard<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (this.#lost) reject(this.#first);
    this.#waiting.add(reject);
    work.then(resolve, (error) => {
      if (error instanceof GpuError) return reject(error);
      // What fails because of the loss may be heard of before the loss itself.
      timer = setTimeout(() => {
        const message = `Waiting for the device failed: ${(error as Error)?.message ?? error}`;
        reject(this.#fail(new GpuError(message)));
      }, 100);
    });
    try {
      return await promise;
    } finally {
      this.#waiting.delete(reject);
      clearTimeout(timer);
    }
  }

  #openScopes(): void {
    for (const kind of ["validation", "out-of-memory", "internal"] as const) {
      this.device.pushErrorScope(kind);
    }
  }

  /** Remembers the first failure; later ones follow from it. */
  #fail(error: GpuError): GpuError {
    return this.#first ??= error;
  }
}
