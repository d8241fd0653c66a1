/**
 * The part of `@std/assert` that these tests use, over `node:assert`.
 *
 * The import map points `@std/assert` here so that the tests run where JSR cannot be reached.
 * To use the original, set `"@std/assert": "jsr:@std/assert@1"` in deno.json: names and argument
 * order are the same.
 */
import nodeAssert from "node:assert/strict";

export { AssertionError } from "node:assert/strict";

/** Fails unless `condition` is truthy. */
export function assert(condition: unknown, message?: string): asserts condition {
  nodeAssert.ok(condition, message);
}

/** Fails unless `actual` and `expected` are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepEqual(actual, expected, message);
}

/** Fails if `actual` and `expected` are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepEqual(actual, expected, message);
}

/** Fails unless `actual` and `expected` are the same value (`Object.is`). */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): void {
  nodeAssert.equal(actual, expected, message);
}

/** Fails if |actual − expected| > tolerance (default 1e-7 of `expected`). */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance = Math.max(Math.abs(expected) * 1e-7, 1e-15),
  message?: string,
): void {
  if (Object.is(actual, expected) || Math.abs(actual - expected) <= tolerance) return;
  nodeAssert.fail(
    message ?? `Expected actual: "${actual}" to be close to "${expected}" within ${tolerance}`,
  );
}

/** Fails unless `text` contains `part`. */
export function assertStringIncludes(text: string, part: string, message?: string): void {
  nodeAssert.ok(text.includes(part), message ?? `Expected actual: "${text}" to contain: "${part}"`);
}

/** Fails unless `text` matches `pattern`. */
export function assertMatch(text: string, pattern: RegExp, message?: string): void {
  nodeAssert.match(text, pattern, message);
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

function checkError<E extends Error>(error: unknown, type?: ErrorClass<E>, part?: string): E {
  nodeAssert.ok(error instanceof Error, `Expected an Error to be thrown, got ${String(error)}`);
  if (type) {
    nodeAssert.ok(
      error instanceof type,
      `Expected a ${type.name}, got ${error.name}: ${error.message}`,
    );
  }
  if (part !== undefined) assertStringIncludes(error.message, part);
  return error as E;
}

/** Fails unless `fn` throws, optionally a `type` whose message contains `part`; returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  type?: ErrorClass<E>,
  part?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, type, part);
  }
  nodeAssert.fail("Expected function to throw.");
}

/** Fails unless `fn` rejects, optionally with a `type` whose message contains `part`. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  type?: ErrorClass<E>,
  part?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, type, part);
  }
  nodeAssert.fail("Expected function to reject.");
}

/** Fails unconditionally. */
export function fail(message = "Failed assertion."): never {
  nodeAssert.fail(message);
}
