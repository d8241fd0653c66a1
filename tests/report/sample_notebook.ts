import type { NotebookCell, NotebookFile, NotebookOutput } from "../../lib/report/nbformat.ts";

let cells = 0;

/** A cell of Markdown. */
export function markdownCell(source: string, rest: Partial<NotebookCell> = {}): NotebookCell {
  return { id: `c${++cells}`, cell_type: "markdown", source, metadata: {}, ...rest };
}

/** A cell of code that was executed. */
export function codeCell(
  source: string,
  outputs: NotebookOutput[] = [],
  rest: Partial<NotebookCell> = {},
): NotebookCell {
  return {
    id: `c${++cells}`,
    cell_type: "code",
    source,
    metadata: {},
    execution_count: cells,
    outputs,
    ...rest,
  };
}

/** A notebook of these cells. */
export function notebookFile(
  cells: NotebookCell[],
  cutloss: Record<string, unknown> = {},
): NotebookFile {
  return { nbformat: 4, nbformat_minor: 5, metadata: { cutloss }, cells };
}

const COUNTS = [1024, 2048, 4096, 8192];
const NAIVE = COUNTS.map((n) => n * 50257 * 4 / 2 ** 20);
const CUT = COUNTS.map((n) => n * 0.02);

/** A small picture with a clip path, as Plotly's have them. */
function still(lines: number[][]): string {
  const path = (y: number[]) =>
    `M${y.map((v, i) => `${70 + i * 210},${370 - v * 0.15}`).join("L")}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="420" viewBox="0 0 720 420">
<defs><clipPath id="clip"><rect x="60" y="20" width="640" height="360"/></clipPath></defs>
<rect width="720" height="420" style="fill: rgb(255, 255, 255)"/>
<g clip-path="url(#clip)">${
    lines.map((y, i) =>
      `<path d="${path(y)}" style="fill:none;stroke:${["#d55e00", "#0072b2"][i]};stroke-width:2"/>`
    ).join("")
  }</g><text x="330" y="412" font-family="Inter" font-size="13">Rows N</text></svg>`;
}

/** A figure as lib/notebook makes them. */
export function figureOutput(id: string, caption: string): NotebookOutput {
  return {
    output_type: "display_data",
    data: {
      "application/vnd.plotly.v1+json": {
        data: [
          { type: "scatter", name: "naive", x: COUNTS, y: NAIVE, line: { color: "#d55e00" } },
          { type: "scatter", name: "cut", x: COUNTS, y: CUT, line: { color: "#0072b2" } },
        ],
        layout: {
          paper_bgcolor: "#ffffff",
          plot_bgcolor: "#ffffff",
          xaxis: { title: { text: "Rows N" } },
          yaxis: { title: { text: "Peak memory (MiB)" } },
        },
      },
      "image/svg+xml": still([NAIVE, CUT]),
      "text/plain": caption,
    },
    metadata: {
      cutloss: {
        kind: "figure",
        id,
        caption,
        alt: "Two lines over the number of rows: naive grows to 1571 MiB, cut stays near zero.",
        table: {
          columns: [
            { name: "Rows", numeric: true },
            { name: "Naive", unit: "MiB", numeric: true },
            { name: 'Cut, "no" logits', unit: "MiB", numeric: true },
          ],
          rows: COUNTS.map((n, i) => [n, NAIVE[i], i === 3 ? null : CUT[i]]),
        },
        width: 720,
        height: 420,
      },
    },
  };
}

function tableOutput(): NotebookOutput {
  return {
    output_type: "display_data",
    data: { "text/plain": "GPT-2 …" },
    metadata: {
      cutloss: {
        kind: "table",
        id: "models",
        caption: "Logits of one batch, by model, at $N = 8192$.",
        table: {
          columns: [
            { name: "Model", numeric: false },
            { name: "Vocabulary", numeric: true },
            { name: "Width", numeric: true },
            { name: "Logits in f32", unit: "GiB", numeric: true },
          ],
          rows: [
            ["GPT-2", 50257, 768, 1.534],
            ["Llama 3 8B", 128256, 4096, 3.914],
            ["Gemma 2 2B", 256128, 2304, 7.816],
          ],
        },
      },
    },
  };
}

function provenanceOutput(): NotebookOutput {
  return {
    output_type: "display_data",
    data: { "text/plain": "Adapter …" },
    metadata: {
      cutloss: {
        kind: "provenance",
        id: "provenance",
        caption: "",
        table: {
          columns: [{ name: "What", numeric: false }, { name: "Value", numeric: false }],
          rows: [["Adapter", "llvmpipe (LLVM 15.0.6, 256 bits)"], ["Deno", "2.9.6"], ["Seed", "0"]],
        },
        provenance: { adapter: "llvmpipe", deno: "2.9.6", seed: 0 },
      },
    },
  };
}

function resultOutput(): NotebookOutput {
  return {
    output_type: "display_data",
    data: { "text/plain": "Memory saved: 42×" },
    metadata: {
      cutloss: {
        kind: "result",
        values: [
          { name: "Peak memory, naive", value: 1571, unit: "MiB" },
          { name: "Peak memory, cut", value: 163.84, unit: "MiB" },
        ],
      },
    },
  };
}

const stream = (text: string, name = "stdout"): NotebookOutput => ({
  output_type: "stream",
  name,
  text,
});

/** A notebook with one of everything that a page has to show. */
export function sampleNotebook(): NotebookFile {
  const long = Array.from({ length: 60 }, (_, i) => `step ${i} loss ${(3 / (i + 1)).toFixed(4)}\n`);
  return notebookFile([
    markdownCell(
      "# Cut Cross-Entropy in *pieces*\n\nThe loss of a language model needs the logits only in passing. " +
        "So they need not be kept: $\\ell_i = \\log\\sum_j e^{z_{ij}} - z_{i x_i}$.",
    ),
    markdownCell(
      "## The memory problem\n\nWith $N$ rows and $V$ words the logits take $4NV$ bytes " +
        "(it costs $5 and $6, too):\n\n$$\\nabla E = (S - Y)\\, C, \\qquad S_{ij} = " +
        "\\frac{e^{z_{ij}}}{\\sum_k e^{z_{ik}}}$$\n\n- one\n- two, see [tokenizers](01-sample.ipynb#the-end)\n\n" +
        "> Quoted, with `code`.\n\n| way | bytes |\n| --- | ---: |\n| naive | 4NV |\n| cut | N |",
    ),
    codeCell(
      'import { linearCrossEntropy } from "cutloss";\n\nconst x: number = 1 < 2 ? 1 : 0; // & more\nx',
      [{
        output_type: "execute_result",
        data: { "text/plain": "1" },
        metadata: {},
        execution_count: 1,
      }],
    ),
    codeCell("// Measure the peak memory of each way\nmeasure(rows);", [
      stream("\x1b[32mready\x1b[0m <b>not bold</b>\n"),
      stream("10%\r50%\r100%\n"),
      stream("careful\n", "stderr"),
      figureOutput("peak-memory", "Peak memory over rows *N*, naive and cut."),
    ]),
    codeCell("table(models)", [tableOutput()]),
    markdownCell(
      "### The kernel\n\n```wgsl\n@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3u) {\n" +
        "  var sum = 0.0; // per row\n  out[id.x] = exp(sum);\n}\n```\n\n<script>alert(1)</script>\n\n" +
        "Raw <b>bold</b> and <img src=x onerror=alert(1)> inline.",
    ),
    codeCell("train()", [
      stream(long.join("")),
      {
        output_type: "display_data",
        data: { "text/plain": "done" },
        metadata: {
          cutloss: {
            kind: "progress",
            label: "Training",
            done: 60,
            total: 60,
            seconds: 41.2,
            finished: true,
          },
        },
      },
      figureOutput("peak-memory", "The same again, to be counted as the second."),
    ]),
    codeCell("fail()", [{
      output_type: "error",
      ename: "RangeError",
      evalue: "targets[3] is 9, expected 0 to 4.",
      traceback: ["\x1b[31mRangeError\x1b[0m: targets[3] is 9", "    at <cell>:1:1"],
    }]),
    codeCell("secret()", [], { metadata: { tags: ["remove-cell"] } }),
    markdownCell("## The end\n\nWhat was found, and where."),
    codeCell("result(…)", [resultOutput()]),
    codeCell("provenance()", [provenanceOutput()]),
  ], {
    summary: "The loss without the logits, in *N* numbers.",
    scale: "smoke",
    seed: 0,
    executed: "2026-11-23T23:40:00.000Z",
    seconds: 42.4,
    deno: "2.9.6",
  });
}
