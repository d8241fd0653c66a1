import { assertEquals, assertStringIncludes } from "@std/assert";
import { dataTableHtml, formatValue, toCsv } from "../../lib/report/data_table.ts";
import { plotlyTable } from "../../lib/report/plotly_table.ts";
import type { DataTable } from "../../lib/notebook/outputs.ts";

const TABLE: DataTable = {
  columns: [{ name: 'Way, "how"', numeric: false }, { name: "Peak", unit: "MiB", numeric: true }],
  rows: [["naive", 1571.25], ["two\nlines", null], ["=1+1", -0.5]],
};

Deno.test("CSV quotes what needs quotes, keeps full numbers and leaves gaps for what is missing", () => {
  assertEquals(
    toCsv(TABLE),
    '"Way, ""how""",Peak (MiB)\r\nnaive,1571.25\r\n"two\nlines",\r\n=1+1,-0.5\r\n',
  );
});

Deno.test("values that are no numbers become words, and nothing a dash", () => {
  assertEquals([true, false, null, "text", 50257].map(formatValue), [
    "yes",
    "no",
    "–",
    "text",
    "50,257",
  ]);
});

Deno.test("a table has headers with units, numbers to the right, and escaped words", () => {
  const { text } = dataTableHtml({ ...TABLE, rows: [["<b>", 1]] }, "About <it>");
  assertStringIncludes(text, "About &lt;it&gt;</caption>");
  assertStringIncludes(
    text,
    '<th scope="col" class="numeric">Peak <span class="unit">MiB</span></th>',
  );
  assertStringIncludes(text, '<td>&lt;b&gt;</td><td class="numeric">1</td>');
});

Deno.test("a long table shows its first rows and says where the others are", () => {
  const rows = Array.from({ length: 250 }, (_, i) => ["x", i]);
  const { text } = dataTableHtml({ ...TABLE, rows }, "");
  assertEquals(text.match(/<tr>/g)?.length, 201);
  assertStringIncludes(text, "50 more rows are in the CSV file.");
});

Deno.test("a figure without a table gets one from its traces", () => {
  const bdata = btoa(String.fromCharCode(...new Uint8Array(new Float64Array([0.5, NaN]).buffer)));
  const table = plotlyTable({
    data: [{ name: "a", x: [1, 2], y: { dtype: "f8", bdata } }, { x: ["p"], y: [3] }],
    layout: { xaxis: { title: { text: "N" } }, yaxis: { title: "ms" } },
  });
  assertEquals(table, {
    columns: [
      { name: "Trace", numeric: false },
      { name: "N", numeric: false },
      { name: "ms", numeric: true },
    ],
    rows: [["a", 1, 0.5], ["a", 2, null], ["2", "p", 3]],
  });
  assertEquals(plotlyTable({ data: [] }), undefined);
});

Deno.test("a heat map's table names row, column and value", () => {
  const table = plotlyTable({ data: [{ name: "h", z: [[1, 2], [3, 4]], x: ["l", "r"] }] });
  assertEquals(table?.rows, [["h", "l", 0, 1], ["h", "r", 0, 2], ["h", "l", 1, 3], [
    "h",
    "r",
    1,
    4,
  ]]);
});
