import type { DataValue } from "./outputs.ts";

/** Rounds to some significant digits; integers stay whole. */
export function roundTo(value: number, digits: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(digits));
}

/** A value as a data table keeps it: rounded, and null where it is missing or not finite. */
export function dataValue(value: unknown, digits = 6): DataValue {
  if (typeof value === "number") return Number.isFinite(value) ? roundTo(value, digits) : null;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : String(value);
}

/**
 * A copy that JSON holds without loss: typed arrays become lists, numbers are rounded, what is not
 * finite becomes null.
 */
export function plainData(value: unknown, digits = 6): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? roundTo(value, digits) : null;
  if (ArrayBuffer.isView(value)) {
    return Array.from(value as unknown as ArrayLike<number>, (item) => plainData(item, digits));
  }
  if (Array.isArray(value)) return value.map((item) => plainData(item, digits));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, plainData(item, digits)]),
    );
  }
  return value;
}

/** An id for links from a text: its first words in lower case, joined by hyphens. */
export function slug(text: string): string {
  const words = text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9\s-]/g, "").trim();
  return words.split(/[\s-]+/).slice(0, 6).join("-") || "output";
}

/** Splits "Time (ms)" into a name and a unit. */
export function splitUnit(title: string): { name: string; unit?: string } {
  const match = title.match(/^(.*\S)\s*\(([^()]+)\)$/);
  return match ? { name: match[1], unit: match[2] } : { name: title };
}
