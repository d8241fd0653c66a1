/** What kernels are given, and the part of a buffer that it stands for. */
import { GpuError } from "./errors.ts";
import { type BufferSlice, DeviceBuffer } from "./pool.ts";

/** What a kernel is given: a buffer, a part of one, or something that has a slice (a tensor). */
export type Bindable = DeviceBuffer | BufferSlice | { readonly slice: BufferSlice };

/**
 * The slice that something bindable stands for.
 *
 * @throws {GpuError} if its buffer has been freed; `who` says who was given it.
 */
export function toSlice(bound: Bindable, who = "An operation was given"): BufferSlice {
  const slice = bound instanceof DeviceBuffer
    ? bound.slice()
    : "slice" in bound
    ? bound.slice
    : bound;
  if (slice.buffer.freed) {
    throw new GpuError(`${who} "${slice.buffer.label}", which has already been freed.`);
  }
  return slice;
}
