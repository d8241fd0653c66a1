import { AnsiUp } from "ansi_up";

/**
 * What is left to see after carriage returns: a line that was written over, such as a progress
 * bar's, keeps its last state, as in JupyterLab.
 */
export function overwriteLines(text: string): string {
  return text.replace(/\r+\n/g, "\n").split("\n").map((line) => {
    const states = line.split("\r").filter((state) => state !== "");
    return states.at(-1) ?? "";
  }).join("\n");
}

/**
 * A stream's text as HTML: escaped, terminal colours as classes (`ansi-red-fg`, …) whose colours the
 * page's style sheet names for light and dark, other control sequences removed.
 */
export function ansiToHtml(text: string): string {
  const converter = new AnsiUp();
  converter.use_classes = true;
  // deno-lint-ignore no-control-regex -- cursor movements and line erasures mean nothing in a page
  const still = overwriteLines(text).replace(/\x1b\[[0-9;?]*[A-LN-Zac-ln-z]/g, "");
  return converter.ansi_to_html(still);
}

/** Text without its control sequences. */
export function stripAnsi(text: string): string {
  // deno-lint-ignore no-control-regex
  return overwriteLines(text).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
}
