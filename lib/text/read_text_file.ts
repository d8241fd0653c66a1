/**
 * Reads a text file by `fetch`, which browsers have for pages and Deno for `file:` URLs as well.
 * A path is resolved against the page, or against the working directory where there is one.
 */
export async function readTextFile(path: string): Promise<string> {
  const url = toUrl(path);
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new Error(`Cannot read ${url}: ${(cause as Error).message}`, { cause });
  }
  if (!response.ok) {
    throw new Error(`Cannot read ${url}: the server answered ${response.status}.`);
  }
  return await response.text();
}

function toUrl(path: string): URL {
  // One letter before the colon is a drive, not a scheme.
  if (/^[a-z][a-z0-9+.-]+:/i.test(path)) return new URL(path);
  const scope = globalThis as {
    location?: { href: string };
    process?: { cwd?: () => string };
  };
  const directory = scope.process?.cwd?.();
  const base = directory === undefined ? scope.location?.href : fileUrl(directory + "/").href;
  if (/^([a-z]:)?[\\/]/i.test(path) && directory !== undefined) return fileUrl(path);
  return new URL(directory === undefined ? path : escapePath(path), base);
}

function fileUrl(path: string): URL {
  return new URL("file://" + escapePath(path).replace(/^(?!\/)/, "/"));
}

function escapePath(path: string): string {
  return path.replaceAll("\\", "/").replace(/[%?#]/g, encodeURIComponent);
}
