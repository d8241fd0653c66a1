import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";

/** Options of `bundleForBrowser`. */
export interface BundleOptions {
  /** Global variable that holds the entry's exports; without it they are dropped. */
  globalName?: string;
  /** Default true. */
  minify?: boolean;
}

/**
 * Bundles a module of ours and what it imports into one classic script, as pages need that are
 * opened from disk, where browsers load no modules. The code may use web standards only.
 *
 * @param entry Path or file URL of a TypeScript module.
 * @throws {Error} If a module cannot be read or imports something outside of this repository.
 */
export async function bundleForBrowser(
  entry: string | URL,
  options: BundleOptions = {},
): Promise<string> {
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [entry instanceof URL ? fileURLToPath(entry) : entry],
      bundle: true,
      write: false,
      format: "iife",
      globalName: options.globalName,
      platform: "browser",
      target: "es2022",
      minify: options.minify ?? true,
      legalComments: "none",
      charset: "utf8",
      logLevel: "silent",
      // Type-only settings elsewhere must not change what a page gets.
      tsconfigRaw: "{}",
    });
    return outputFiles[0].text;
  } finally {
    // esbuild works in a process of its own, which would outlive the tests.
    await esbuild.stop();
  }
}
