import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  formatBytes,
  formatColumn,
  formatDuration,
  formatNumber,
} from "../../lib/notebook/format_number.ts";
import { resultOutput } from "../../lib/notebook/result.ts";
import { tableOutput } from "../../lib/notebook/table.ts";

const ROWS = [
  { "Way": "naive", "Peak (MiB)": 4712.25, "Exact": true },
  { "Way": "cut <new>", "Peak (MiB)": 5.4, "Exact": false },
];

Deno.test("A table stands as HTML, Markdown and aligned text, numbers to the right", () => {
  const { data } = tableOutput(ROWS, { caption: "Peak memory." });
  assertEquals(
    data["text/plain"],
    [
      "Peak memory.",
      "Way        Peak (MiB)  Exact",
      "─────────  ──────────  ─────",
      "naive          4712.3  yes",
      "cut <new>         5.4  no",
    ].join("\n"),
  );
  assertEquals(
    (data["text/markdown"] as string).split("\n").slice(0, 3),
    ["| Way | Peak (MiB) | Exact |", "| --- | ---: | --- |", "| naive | 4712.3 | yes |"],
  );
  const html = data["text/html"] as string;
  assert(html.includes('<td style="text-align:right">4712.3</td>'));
  assert(html.includes("cut &lt;new&gt;") && html.includes("<caption>Peak memory.</caption>"));
});

Deno.test("A table keeps its numbers unformatted, with units taken from the headings", () => {
  const { metadata } = tableOutput(ROWS, { caption: "Peak memory.", columns: ["Peak (MiB)"] });
  assertEquals(metadata, {
    kind: "table",
    id: "peak-memory",
    caption: "Peak memory.",
    table: { columns: [{ name: "Peak", unit: "MiB", numeric: true }], rows: [[4712.25], [5.4]] },
  });
});

Deno.test("Columns may be given as lists, typed ones too, with gaps", () => {
  const { metadata } = tableOutput({ N: Int32Array.of(1, 2), "ms": [0.5] });
  assert(metadata?.kind === "table");
  assertEquals(metadata.table.rows, [[1, 0.5], [2, null]]);
});

Deno.test("A table without rows and a column that is not there are refused by name", () => {
  assertThrows(() => tableOutput([]), Error, "data has no rows");
  assertThrows(() => tableOutput(ROWS, { columns: ["Pek"] }), Error, 'no column "Pek"');
});

Deno.test("Numbers are written with sensible digits", () => {
  assertEquals(
    [0, 12, -3.14159, 1234.5678, 123456, 0.00001234, 1e20, Infinity, NaN].map((n) =>
      formatNumber(n)
    ),
    ["0", "12", "−3.142", "1235", "123,456", "1.234·10⁻⁵", "1·10²⁰", "∞", "–"],
  );
  assertEquals(formatColumn([1.5, 22.25, null]), ["1.50", "22.25", "–"]);
  assertEquals(formatColumn([1e-6, 1000.5]), ["1·10⁻⁶", "1001"]);
  assertEquals(formatColumn([0.1234567, 0.5], 3), ["0.123", "0.500"]);
  assertEquals(formatColumn([1.5, 40, Infinity]), ["1.5", "40.0", "∞"]);
});

Deno.test("Numbers of one column are grouped alike", () => {
  assertEquals(formatColumn([33509, 823, 6958]), ["33,509", "823", "6,958"]);
  assertEquals(formatColumn([6958.5, 12000.25]), ["6,959", "12,000"]);
  assertEquals(formatColumn([1024, 8192]), ["1024", "8192"]);
});

Deno.test("Durations and sizes are written in the unit that fits", () => {
  assertEquals([0.84, 12.4, 185, 7620].map(formatDuration), [
    "0.8 s",
    "12 s",
    "3 min 5 s",
    "2 h 7 min",
  ]);
  assertEquals([512, 1536, 5.4 * 2 ** 20, 3 * 2 ** 30].map(formatBytes), [
    "512 B",
    "1.5 KiB",
    "5.4 MiB",
    "3 GiB",
  ]);
});

Deno.test("Main results carry name, value and unit", () => {
  const { metadata, data } = resultOutput({ "Memory saved (×)": 20.5, "Adapter": "llvmpipe" });
  assertEquals(metadata, {
    kind: "result",
    values: [{ name: "Memory saved", unit: "×", value: 20.5 }, {
      name: "Adapter",
      value: "llvmpipe",
    }],
  });
  assert((data["text/plain"] as string).includes("Memory saved  20.5"));
  assertThrows(() => resultOutput({ a: NaN }), Error, '"a" is NaN');
});
