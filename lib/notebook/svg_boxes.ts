import type { FontMetrics } from "./font.ts";

/** A rectangle along the axes, in pixels, or null for nothing visible. */
export type Box = { left: number; top: number; right: number; bottom: number } | null;

/** x' = a·x + c·y + e, y' = b·x + d·y + f, as in SVG's `matrix(a b c d e f)`. */
type Matrix = readonly [number, number, number, number, number, number];

// deno-lint-ignore no-explicit-any -- an element of jsdom's document
type Element = any;

/**
 * The boxes of SVG elements as a browser would lay them out, closely enough for Plotly to place
 * titles and margins: text by the font's widths, shapes by the points that they name.
 */
export class SvgBoxes {
  #font: FontMetrics;

  constructor(font: FontMetrics) {
    this.#font = font;
  }

  /** What `getBBox` gives: in the element's own coordinates, without its own transform. */
  own(element: Element): Box {
    if (element.style?.display === "none") return null;
    const name = element.tagName?.toLowerCase();
    if (name === "text") return this.#text(element);
    if (SHAPES.has(name)) return shapeBox(element, name);
    if (SKIPPED.has(name)) return null;
    let box: Box = null;
    for (const child of element.children) {
      box = union(box, transformed(this.own(child), matrixOf(child)));
    }
    return box;
  }

  /** What `getBoundingClientRect` gives: in the coordinates of the outermost picture. */
  onPage(element: Element): Box {
    let box = this.own(element);
    for (let at = element; at?.getAttribute; at = at.parentNode) {
      box = transformed(box, matrixOf(at));
    }
    return box;
  }

  /** The width of a text's longest line. */
  width(element: Element): number {
    return Math.max(...linesOf(element).map((line) => this.#width(line)));
  }

  #text(element: Element): Box {
    const size = fontSize(element);
    let box: Box = null, y = number(element, "y");
    linesOf(element).forEach((line, index) => {
      if (index > 0) y += LINE_HEIGHT * size;
      const width = this.#width(line);
      if (width === 0) return;
      const x = number(line, "x") || number(element, "x");
      const anchor = element.style?.textAnchor || element.getAttribute("text-anchor");
      const left = anchor === "middle" ? x - width / 2 : anchor === "end" ? x - width : x;
      const top = y - size * this.#font.ascent, bottom = y + size * this.#font.descent;
      box = union(box, { left, right: left + width, top, bottom });
    });
    return box;
  }

  #width(node: Element): number {
    if (node.nodeType !== TEXT_NODE) {
      let sum = 0;
      for (const child of node.childNodes) sum += this.#width(child);
      return sum;
    }
    const visible = node.nodeValue.replaceAll("\u200b", "");
    return this.#font.width(visible, fontSize(node.parentNode));
  }
}

const TEXT_NODE = 3;
/** Plotly's distance of the base lines of a text, as a share of the font size. */
const LINE_HEIGHT = 1.3;
const SHAPES = new Set(["rect", "path", "circle", "line", "image"]);
const SKIPPED = new Set(["defs", "clippath", "style", "title"]);

function linesOf(text: Element): Element[] {
  const lines = [...text.querySelectorAll("tspan.line")];
  return lines.length ? lines : [text];
}

function number(element: Element, attribute: string): number {
  return parseFloat(element.getAttribute?.(attribute) ?? "") || 0;
}

function fontSize(element: Element): number {
  for (let at = element; at?.getAttribute; at = at.parentNode) {
    const given: string = at.style?.fontSize || at.getAttribute("font-size") || "";
    const size = parseFloat(given);
    if (!(size > 0)) continue;
    return given.endsWith("%") ? size / 100 * fontSize(at.parentNode) : size;
  }
  return 12;
}

function shapeBox(element: Element, name: string): Box {
  if (name === "path") return pathBox(element.getAttribute("d") ?? "");
  const at = (attribute: string) => number(element, attribute);
  if (name === "circle") {
    const [x, y, r] = [at("cx"), at("cy"), at("r")];
    return { left: x - r, right: x + r, top: y - r, bottom: y + r };
  }
  const [x, y] = name === "line" ? [at("x1"), at("y1")] : [at("x"), at("y")];
  const [x2, y2] = name === "line" ? [at("x2"), at("y2")] : [x + at("width"), y + at("height")];
  return {
    left: Math.min(x, x2),
    right: Math.max(x, x2),
    top: Math.min(y, y2),
    bottom: Math.max(y, y2),
  };
}

/** Around all points that the path names, which holds for its curves too. */
function pathBox(path: string): Box {
  let box: Box = null, x = 0, y = 0;
  for (const [, command, rest] of path.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const numbers = (rest.match(/-?\d*\.?\d+(?:e-?\d+)?/g) ?? []).map(Number);
    const relative = command === command.toLowerCase();
    const kind = command.toLowerCase();
    const [startX, startY] = [x, y];
    const step = kind === "h" || kind === "v" ? 1 : kind === "a" ? 7 : 2;
    for (let i = 0; i + step <= numbers.length; i += step) {
      const [nextX, nextY] = kind === "h"
        ? [numbers[i], relative ? 0 : y]
        : kind === "v"
        ? [relative ? 0 : x, numbers[i]]
        : numbers.slice(i + step - 2, i + step);
      const [baseX, baseY] = "cqs".includes(kind) ? [startX, startY] : [x, y];
      x = relative ? baseX + nextX : nextX;
      y = relative ? baseY + nextY : nextY;
      box = union(box, { left: x, right: x, top: y, bottom: y });
    }
  }
  return box;
}

function union(a: Box, b: Box): Box {
  if (!a || !b) return a ?? b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

function transformed(box: Box, [a, b, c, d, e, f]: Matrix): Box {
  if (!box) return null;
  const corners = [box.left, box.right].flatMap((x) =>
    [box.top, box.bottom].map((y) => [a * x + c * y + e, b * x + d * y + f])
  );
  const xs = corners.map(([x]) => x), ys = corners.map(([, y]) => y);
  return {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: Math.min(...ys),
    bottom: Math.max(...ys),
  };
}

function matrixOf(element: Element): Matrix {
  let matrix: Matrix = [1, 0, 0, 1, 0, 0];
  const transform: string = element.getAttribute?.("transform") ?? "";
  for (const [, name, list] of transform.matchAll(/(\w+)\s*\(([^)]*)\)/g)) {
    const [p, q = name === "scale" ? p : 0, r = 0, ...rest] = list.split(/[\s,]+/).map(Number);
    if (name === "translate") matrix = times(matrix, [1, 0, 0, 1, p, q]);
    else if (name === "scale") matrix = times(matrix, [p, 0, 0, q, 0, 0]);
    else if (name === "matrix") matrix = times(matrix, [p, q, r, rest[0], rest[1], rest[2]]);
    else if (name === "rotate") {
      const [cos, sin] = [Math.cos(p * Math.PI / 180), Math.sin(p * Math.PI / 180)];
      const turned = times([1, 0, 0, 1, q, r], [cos, sin, -sin, cos, 0, 0]);
      matrix = times(matrix, times(turned, [1, 0, 0, 1, -q, -r]));
    }
  }
  return matrix;
}

function times(m: Matrix, n: Matrix): Matrix {
  return [
    m[0] * n[0] + m[2] * n[1],
    m[1] * n[0] + m[3] * n[1],
    m[0] * n[2] + m[2] * n[3],
    m[1] * n[2] + m[3] * n[3],
    m[0] * n[4] + m[2] * n[5] + m[4],
    m[1] * n[4] + m[3] * n[5] + m[5],
  ];
}
