import type { Gpu } from "../tensor/gpu.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a step of training found. */
export interface StepRecord {
  /** Steps made, this one included. */
  step: number;
  loss: number;
  /** Norm of all gradients before clipping. */
  gradNorm: number;
  learningRate: number;
}

/** A step whose loss is still on the device. */
interface Pending {
  step: number;
  learningRate: number;
  /** Share of each part's loss in the loss of the step. */
  shares: readonly number[];
}

/** Collects losses on the device, so that many are read with one wait. */
export class LossLog implements Disposable {
  #values: Tensor;
  #pending: Pending[] = [];
  #parts = 0;

  /**
   * @param parts losses that make up a step's, at most.
   * @param capacity steps between two reads, at most.
   */
  constructor(readonly gpu: Gpu, readonly parts: number, readonly capacity: number) {
    this.#values = gpu.zeros([capacity, parts + 1], { label: "losses" }).keep();
  }

  /** Steps whose losses have not been read. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Remembers the loss of one part of the step that is being made. */
  add(loss: Tensor): void {
    this.#copy(loss, this.#parts++);
  }

  /** The step is made. */
  finish(gradNorm: Tensor, record: Pending): void {
    this.#copy(gradNorm, this.parts);
    this.#pending.push(record);
    this.#parts = 0;
  }

  /** Waits for the device and gives what has not been read yet. */
  async read(): Promise<StepRecord[]> {
    const pending = this.#pending;
    if (pending.length === 0) return [];
    this.#pending = [];
    const values = await this.#values.read();
    const width = this.parts + 1;
    return pending.map(({ step, learningRate, shares }, i) => {
      const row = values.subarray(i * width, (i + 1) * width);
      const loss = shares.reduce((sum, share, part) => sum + share * row[part], 0);
      return { step, loss, gradNorm: row[this.parts], learningRate };
    });
  }

  #copy(from: Tensor, column: number): void {
    const { buffer } = this.#values.slice;
    const place = this.#pending.length * (this.parts + 1) + column;
    this.gpu.copy(from, { buffer, offset: 4 * place, bytes: 4 }, 4);
  }

  [Symbol.dispose](): void {
    this.#values.dispose();
  }
}
