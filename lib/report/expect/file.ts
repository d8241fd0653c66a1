import type { Expectations } from "./record.ts";

const COLUMNS = 120;

/**
 * Reads recorded expectations.
 *
 * @throws Error if the file is there but holds none
 */
export async function readExpectations(path: string | URL): Promise<Expectations | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const value = JSON.parse(text) as Partial<Expectations>;
  if (typeof value.notebook === "string" && Array.isArray(value.cells)) {
    return value as Expectations;
  }
  throw new Error(`${path} holds no expectations; record them anew.`);
}

/** Writes expectations so that a change of one number is a change of one line. */
export async function writeExpectations(
  path: string | URL,
  expectations: Expectations,
): Promise<void> {
  await Deno.writeTextFile(path, layOut(expectations, 0, 0) + "\n");
}

/** JSON with everything on one line that fits on one. */
function layOut(value: unknown, indent: number, before: number): string {
  const line = JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  if (indent + before + line.length <= COLUMNS || typeof value !== "object" || value === null) {
    return line;
  }
  const inner = " ".repeat(indent + 1);
  const parts = Array.isArray(value)
    ? value.map((item) => inner + layOut(item, indent + 1, 1))
    : Object.entries(value).filter(([, item]) => item !== undefined).map(([key, item]) => {
      const name = `${JSON.stringify(key)}: `;
      return inner + name + layOut(item, indent + 1, name.length + 1);
    });
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${parts.join(",\n")}\n${" ".repeat(indent)}${close}`;
}
