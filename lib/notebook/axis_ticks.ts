type Json = Record<string, unknown>;

/** Most values that are all named on an axis. */
const MOST_TICKS = 10;

/**
 * Settings for the ticks of one axis, by what stands on it: every value of a few on a logarithmic
 * x axis (256, 512, 1,024, …), whole powers of ten in plain digits on others, and no grid lines
 * between the categories of bars.
 *
 * @param axis a key of the layout, such as "yaxis2"
 * @param given what the author set
 */
export function ticksFor(axis: string, given: Json, data: Json[]): Json {
  const traces = data.filter((trace) => standsOn(trace, axis));
  const letter = axis[0];
  const across = traces.some((trace) =>
    trace.type === "bar" && (trace.orientation === "h" ? "y" : "x") === letter
  );
  if (given.type !== "log") return across ? { showgrid: false } : {};
  if (given.tickvals !== undefined || given.dtick !== undefined) return {};
  const numbers = traces.flatMap((trace) => numbersOf(trace[letter])).filter((value) => value > 0);
  const distinct = [...new Set(numbers)].sort((a, b) => a - b);
  if (distinct.length === 0) return {};
  const low = distinct[0], high = distinct[distinct.length - 1];
  const plain = low >= 1e-3 && high <= 1e6 ? { tickformat: ",~r" } : {};
  if (letter === "x" && distinct.length <= MOST_TICKS && evenlySpread(distinct)) {
    const ticktext = distinct.map((value) => value.toLocaleString("en-US"));
    return { tickmode: "array", tickvals: distinct, ticktext };
  }
  return Math.log10(high / low) >= 1.5 ? { dtick: 1, ...plain } : plain;
}

function standsOn(trace: Json, axis: string): boolean {
  const letter = axis[0];
  const reference = (trace[`${letter}axis`] as string | undefined) ?? letter;
  return `${letter}axis${reference.slice(1)}` === axis;
}

function numbersOf(list: unknown): number[] {
  if (!Array.isArray(list)) return [];
  return list.filter((value): value is number => typeof value === "number");
}

/** Whether neighbours are at least a fifth apart, so that their labels do not meet. */
function evenlySpread(sorted: number[]): boolean {
  const span = Math.log(sorted[sorted.length - 1] / sorted[0]);
  return sorted.every((value, i) =>
    i === 0 || Math.log(value / sorted[i - 1]) >= 0.6 * span / MOST_TICKS
  );
}
