/** What is decided when a device is opened. */
import type { TuningStore } from "./tuning_store.ts";

/** How to open a device. */
export interface OpenOptions {
  powerPreference?: GPUPowerPreference;
  /** Bytes that may be in use at once (default: as much as the driver gives). */
  memoryLimit?: number;
  /**
   * Bytes that one binding may cover, if less than the device's own limit: to see on small shapes
   * how larger ones are bound in parts.
   */
  maxBinding?: number;
  /**
   * `false`: kernels' variants are never chosen by measuring (see `tuneLinearCrossEntropy`), so that
   * a run does not depend on how busy the machine was. Default: true.
   */
  autotune?: boolean;
  /** Remembers what was chosen from one run to the next (default: nothing does). */
  tuningStore?: TuningStore;
}
