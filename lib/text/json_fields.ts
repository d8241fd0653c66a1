/** An object read from JSON. */
export type JsonObject = { [key: string]: unknown };

/**
 * Reads the fields of one object of a tokenizer.json, and complains about everything that it was
 * not asked for: a setting that is silently ignored would give other ids than the file's author got.
 */
export class JsonFields {
  readonly #object: JsonObject;
  readonly #where: string;
  readonly #left: Set<string>;

  /** `where` names the object in errors: "normalizer", "model". */
  constructor(value: unknown, where: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new TypeError(`tokenizer.json: ${where} was ${show(value)}; expected an object.`);
    }
    this.#object = value as JsonObject;
    this.#where = where;
    this.#left = new Set(Object.keys(value));
  }

  /** Any value; null if it is missing. */
  any(key: string): unknown {
    this.#left.delete(key);
    return this.#object[key] ?? null;
  }

  string(key: string, fallback?: string): string {
    return this.#typed(key, "string", (value) => typeof value === "string", fallback);
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#typed(key, "boolean", (value) => typeof value === "boolean", fallback);
  }

  /** A whole number ≥ 0. */
  count(key: string, fallback?: number): number {
    const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
    return this.#typed(key, "whole number that is not negative", isCount, fallback);
  }

  array(key: string): unknown[] {
    return this.#typed(key, "list", Array.isArray);
  }

  /** One of the given words. */
  choice<T extends string>(key: string, choices: readonly T[], fallback?: T): T {
    const isChoice = (value: unknown) => choices.includes(value as T);
    return this.#typed(key, choices.map((word) => `"${word}"`).join(" or "), isChoice, fallback);
  }

  /** A setting of which only these values are supported; a missing one counts as null. */
  only(key: string, ...supported: unknown[]): void {
    const value = this.any(key);
    if (!supported.includes(value)) {
      throw new Error(
        `tokenizer.json: ${this.#where}.${key} was ${show(value)}, which is not supported; ` +
          `supported is ${supported.map(show).join(" or ")}.`,
      );
    }
  }

  /** Complains if a field has not been asked for. */
  done(): void {
    if (this.#left.size === 0) return;
    const names = [...this.#left].map((key) => `"${key}"`).join(", ");
    throw new Error(
      `tokenizer.json: ${this.#where} has the field ${names}, which is not supported.`,
    );
  }

  #typed<T>(key: string, kind: string, test: (value: unknown) => boolean, fallback?: T): T {
    const value = this.any(key) ?? fallback;
    if (!test(value)) {
      throw new TypeError(
        `tokenizer.json: ${this.#where}.${key} was ${show(value)}; expected a ${kind}.`,
      );
    }
    return value as T;
  }
}

/** A value as it is quoted in an error. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? text.slice(0, 77) + "..." : text;
}

/** The error for a component of a kind that is not supported. */
export function unsupported(where: string, type: unknown, supported: string): Error {
  return new Error(
    `tokenizer.json: ${where} of type ${show(type)} is not supported; supported is ${supported}.`,
  );
}
