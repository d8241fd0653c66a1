/** What can go wrong on a device, as exceptions whose messages are sentences. */

/** The device refused or failed an operation; the message names the operation. */
export class GpuError extends Error {
  override name = "GpuError";
}

/** There is no adapter to open. */
export class NoAdapterError extends GpuError {
  override name = "NoAdapterError";
}

/** An allocation is larger than a buffer, the budget or the device's memory. */
export class OutOfMemoryError extends GpuError {
  override name = "OutOfMemoryError";
}

/** The device is gone: driver reset, unplugged, or closed by us. */
export class DeviceLostError extends GpuError {
  override name = "DeviceLostError";
}

/** Bytes for people: 1536 → "1.5 KiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (Math.abs(bytes) >= 1024 && unit < units.length - 1) bytes /= 1024, unit++;
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}
