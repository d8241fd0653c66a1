/**
 * The items of an iterable of strings, each after a check that it is one. A string is an iterable of
 * its characters, so that one text in place of several would pass without a word.
 *
 * @param name of the argument, for errors
 * @param item what the argument has several of, for errors
 * @throws TypeError when the first item is asked for, if `texts` is a string or no iterable; when an
 *   item is asked for that is no string
 */
export function* eachText(
  texts: Iterable<string>,
  name = "texts",
  item = "text",
): Generator<string> {
  if (typeof texts === "string" || typeof texts?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      `${name} is ${kindOf(texts)}; expected an iterable of ${item}s, such as [${item}].`,
    );
  }
  let index = 0;
  for (const text of texts) {
    if (typeof text !== "string") {
      throw new TypeError(`${name} has ${kindOf(text)} as item ${index}; expected strings.`);
    }
    yield text;
    index++;
  }
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
