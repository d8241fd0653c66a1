/** What a value is, for messages: `1`, `"mean"`, `undefined`, `an Int32Array`. */
export function kindOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  const name = value.constructor?.name || "Object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}
