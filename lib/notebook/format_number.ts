/**
 * A number as people read it: thousands grouped, a real minus sign, a power of ten only where plain
 * digits would be hard to read.
 *
 * @param digits significant digits of fractions (default 4); integers below 10¹⁵ stay whole
 */
export function formatNumber(value: number, digits = 4): string {
  return numberText(value, digits, GROUPED_FROM);
}

/** Numbers from here on are grouped; where one of a column is, its numbers of four digits are, too. */
const GROUPED_FROM = 10_000;

function numberText(value: number, digits: number, groupedFrom: number): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const power = [...String(Number(exponent))].map((sign) => SUPERSCRIPTS[sign]).join("");
    return `${Number(mantissa)}·10${power}`.replace("-", "−");
  }
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(digits));
  return grouped(rounded, { maximumFractionDigits: 12 }, groupedFrom);
}

/**
 * The numbers of one column, written alike: with the same decimals if they are of similar size, so
 * that they can be compared down the column, each with its own significant digits otherwise.
 */
export function formatColumn(values: readonly (number | null)[], digits = 4): string[] {
  const sizes = values.filter((value) => value !== null && value !== 0 && Number.isFinite(value))
    .map((value) => Math.abs(value!));
  const largest = Math.max(...sizes), smallest = Math.min(...sizes);
  const groupedFrom = largest >= GROUPED_FROM ? 1000 : GROUPED_FROM;
  const alone = (value: number) => numberText(value, digits, groupedFrom);
  const whole = values.every((value) => value === null || Number.isInteger(value));
  const alike = sizes.length > 0 && smallest >= 1e-3 && largest < 1e9 && largest / smallest < 1e4;
  if (whole || !alike) {
    return values.map((value) => value === null ? "–" : alone(value));
  }
  // enough for the smallest to keep two significant digits, and the largest `digits`
  const decimals = Math.max(
    digits - 1 - Math.floor(Math.log10(largest)),
    1 - Math.floor(Math.log10(smallest)),
    0,
  );
  const used = values.map((value) =>
    value === null ? 0 : decimalsOf(value, Math.min(decimals, 12))
  );
  const fraction = Math.max(...used);
  return values.map((value) => {
    if (value === null) return "–";
    if (!Number.isFinite(value)) return alone(value);
    const places = { minimumFractionDigits: fraction, maximumFractionDigits: fraction };
    return grouped(value, places, groupedFrom);
  });
}

/** Decimals of a number rounded to at most some, without zeros at the end. */
function decimalsOf(value: number, most: number): number {
  return Number.isFinite(value)
    ? value.toFixed(most).replace(/\.?0*$/, "").split(".")[1]?.length ?? 0
    : 0;
}

/** Seconds as people say them: 0.8 s, 12 s, 3 min 5 s, 2 h 7 min. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

/** Bytes in the binary unit that leaves one to three digits before the point: 1.5 MiB. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${grouped(Number(amount.toPrecision(4)), {})} ${
    ["B", "KiB", "MiB", "GiB", "TiB"][power]
  }`;
}

function grouped(
  value: number,
  options: Intl.NumberFormatOptions,
  from = GROUPED_FROM,
): string {
  const useGrouping = Math.abs(value) >= from;
  return value.toLocaleString("en-US", { useGrouping, ...options }).replace("-", "−");
}

const SUPERSCRIPTS: Record<string, string> = {
  ...{ "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴" },
  ...{ "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹" },
};
