import { adaptSvgColours } from "./colours.ts";
import { inlineSvg } from "./sanitize.ts";

/** A picture as a file of its own. */
export interface PictureFile {
  text: string;
  width: number;
  height: number;
}

/** Attributes that say where something is. */
const PLACES = /\s(?:d|points|transform|x|y|x[12]|y[12]|cx|cy|r|width|height)="[^"]*"/g;

const toTenths = (digits: string) => String(Number(Number(digits).toFixed(1)));

/**
 * A figure's SVG as a small file for an `img`, in light and dark: the browser tells it which of the
 * two the page around it has. Plotly writes the same style into every element and leaves many empty
 * groups; here each style is written once, and places to a tenth of a pixel. A quarter is left.
 */
export function pictureFile(svg: string): PictureFile {
  let text = adaptSvgColours(inlineSvg(svg, "p")).replace(
    /\s(?:class|data-[\w-]+|pointer-events)="[^"]*"/g,
    "",
  );
  for (let before = ""; before !== text;) {
    before = text;
    text = text.replace(/<g(?:\s[^>]*)?\/>|<g(?:\s[^>]*)?><\/g>|<path(?![^>]*\sd=)[^>]*\/>/g, "");
  }
  text = withoutBareGroups(text.replace(/\s[xy]="0"(?=[^>]*>[^<])/g, ""));
  text = text.replace(PLACES, (attribute) => attribute.replace(/\d+\.\d{2,}/g, toTenths))
    .replace(/ text-anchor="(\w+)"([^>]* style=")/g, "$2text-anchor: $1; ");
  const classes = new Map<string, string>();
  text = text.replace(/\sstyle="([^"]*)"/g, (_, style) => {
    const kept = compactStyle(style);
    if (kept === "") return "";
    const name = classes.get(kept) ?? `s${classes.size}`;
    classes.set(kept, name);
    return ` class="${name}"`;
  });
  const rules = [...classes].map(([style, name]) => `.${name}{${style}}`).join("");
  const css = `<style>:root{color-scheme:light dark}${rules}</style>`;
  text = text.replace(/<svg[^>]*>/, (root) => root + css);
  const [, width, height] = /viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"/.exec(text) ?? [];
  return { text, width: Number(width ?? 720), height: Number(height ?? 420) };
}

/** Groups that say nothing about what they hold go, their content stays. */
function withoutBareGroups(svg: string): string {
  const bare: boolean[] = [];
  return svg.replace(/<g>|<g\s[^>]*>|<\/g>/g, (tag) => {
    if (tag === "</g>") return bare.pop() ? "" : tag;
    if (tag.endsWith("/>")) return tag;
    bare.push(tag === "<g>");
    return tag === "<g>" ? "" : tag;
  });
}

/** A style without what is so anyway, and without spaces. */
function compactStyle(style: string): string {
  return style.replaceAll("&quot;", "'").split(";").map((rule) => rule.trim())
    .filter((rule) => rule && !/^(opacity: 1|vector-effect: none|pointer-events:.*)$/.test(rule))
    .map((rule) => rule.replace(/^([\w-]+):\s*/, "$1:") + ";").join("");
}
