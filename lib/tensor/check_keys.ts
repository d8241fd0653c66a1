/**
 * Throws if options have a key that nobody reads: a misspelt one would change nothing, silently.
 *
 * @param who has the options, for the message.
 * @param known a key for each option there is.
 * @throws {TypeError} naming the key, and those that there are.
 */
export function checkKeys(
  who: string,
  options: object,
  known: Readonly<Record<string, true>>,
): void {
  for (const key in options) {
    if (Object.hasOwn(known, key)) continue;
    throw new TypeError(
      `${who}: there is no option ${JSON.stringify(key)}; expected some of ${
        Object.keys(known).join(", ")
      }.`,
    );
  }
}
