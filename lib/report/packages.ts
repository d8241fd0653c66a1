import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** Packages whose files every site has a copy of, and what they are there for. */
export const PACKAGES = {
  "katex": { title: "KaTeX", use: "formulas; its fonts say themselves that they are OFL-1.1" },
  "plotly.js-dist-min": { title: "plotly.js", use: "interactive figures" },
  "@fontsource-variable/inter": { title: "Inter", use: "a font" },
  "@fontsource-variable/source-serif-4": { title: "Source Serif 4", use: "a font" },
} as const;

export type PackageName = keyof typeof PACKAGES;

/**
 * Where the files of the packages lie that pages are shown with. Deno resolves packages that the
 * module graph names; these imports name them and are never run.
 */
export const named = () => [
  import("katex/package.json", { with: { type: "json" } }),
  import("plotly.js-dist-min/package.json", { with: { type: "json" } }),
  import("@fontsource-variable/inter/package.json", { with: { type: "json" } }),
  import("@fontsource-variable/source-serif-4/package.json", { with: { type: "json" } }),
];

/** Path on this machine of a file of a package. */
export function packageFile(name: PackageName, path: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), path);
}

/** A package's licence: where its text lies in a site, and what the package says of itself. */
export interface PackageLicence {
  name: PackageName;
  title: string;
  use: string;
  version: string;
  /** An SPDX identifier, such as "MIT". */
  licence: string;
  /** Path in the site's assets. */
  path: string;
}

/** The licences of {@link PACKAGES}. */
export function packageLicences(): PackageLicence[] {
  return (Object.keys(PACKAGES) as PackageName[]).map((name) => {
    const { version, license } = require(`${name}/package.json`);
    const file = name.replace(/^@/, "").replace("/", "-");
    return { name, ...PACKAGES[name], version, licence: license, path: `licences/${file}.txt` };
  });
}
