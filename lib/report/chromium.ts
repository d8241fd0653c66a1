import { join } from "node:path";

const LINUX = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC = ["Google Chrome", "Chromium", "Microsoft Edge"];
const WINDOWS = [
  "Google\\Chrome\\Application\\chrome.exe",
  "Chromium\\Application\\chrome.exe",
  "Microsoft\\Edge\\Application\\msedge.exe",
];

/**
 * Flags for a quiet headless browser: no sandbox, which root and containers cannot have, and no
 * traffic of its own.
 */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function candidates(): string[] {
  const path = (name: string) => Deno.env.get(name) ?? "";
  if (Deno.build.os === "windows") {
    const roots = ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].map(path);
    return roots.filter(Boolean).flatMap((root) => WINDOWS.map((tail) => join(root, tail)));
  }
  if (Deno.build.os === "darwin") {
    const roots = ["/Applications", join(path("HOME"), "Applications")];
    return roots.flatMap((root) =>
      MAC.map((name) => join(root, `${name}.app`, "Contents", "MacOS", name))
    );
  }
  const directories = path("PATH").split(":").filter(Boolean);
  return LINUX.flatMap((name) => directories.map((directory) => join(directory, name)));
}

/**
 * Where Chromium, Chrome or Edge is installed: the program that `CHROMIUM` names, else the usual
 * places of the system. Undefined if there is none.
 */
export async function findChromium(): Promise<string | undefined> {
  const named = Deno.env.get("CHROMIUM");
  for (const path of named ? [named] : candidates()) {
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // Not there: try the next place.
    }
  }
}

/** A sentence for those who have no Chromium. */
export const CHROMIUM_MISSING =
  "No Chromium, Chrome or Edge was found; install one (Debian: sudo apt-get install -y chromium), " +
  "or name its program in the environment variable CHROMIUM.";
