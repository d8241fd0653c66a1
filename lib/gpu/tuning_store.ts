/** Where what was found by measuring is kept from one run to the next. */

/** Remembers short texts by key. */
export interface TuningStore {
  /** The text saved under a key, if there is one. */
  load(key: string): Promise<string | undefined>;
  save(key: string, value: string): Promise<void>;
  /** The driver's version, where it can be known: another driver, another measurement. */
  readonly driver?: string;
}

/**
 * A store in a browser's `localStorage`.
 *
 * @param storage another place with the same functions (`sessionStorage`, for instance).
 */
export function browserTuningStore(
  storage: Pick<Storage, "getItem" | "setItem"> = localStorage,
): TuningStore {
  const name = (key: string) => `cutloss tuning ${key}`;
  return {
    load: (key) => Promise.resolve(storage.getItem(name(key)) ?? undefined),
    save: (key, value) => Promise.resolve(storage.setItem(name(key), value)),
  };
}
