import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { readCodeTable } from "../../lib/data/code_table.ts";
import { readScrambledTable } from "../../lib/data/sentence_table.ts";
import { parseTable, readTable, TableError, type TableOptions } from "../../lib/data/table.ts";

const columns = ["text", "label"] as const;
const parse = (text: string, options: Partial<TableOptions<"text" | "label">> = {}) =>
  parseTable(text, "table.csv", { columns, ...options });

/** Writes a file, calls `body` with its path and removes it. */
async function withFile(
  name: string,
  content: string | Uint8Array,
  body: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${folder}/${name}`, bytes);
    await body(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("cells may hold quotes, commas, braces and line breaks; lines are where rows begin", () => {
  const rows = parse('id,text,label\r\n1,"a ""b"", {c}","x\r\ny\n"\r\n2,é 数,z\n3,p,q');
  assertEquals(rows, [
    { line: 2, cells: { text: 'a "b", {c}', label: "x\r\ny\n" } },
    { line: 5, cells: { text: "é 数", label: "z" } },
    { line: 6, cells: { text: "p", label: "q" } },
  ]);
});

const REFUSED: [string, string, number, string][] = [
  ["no header", "", 1, "the table is empty"],
  ["a missing column", "text,labels\na,b\n", 1, 'the column "label" is missing'],
  ["a column named twice", "text,label,text\na,b,c\n", 1, 'the column "text" is named twice'],
  ["a quote that is never closed", 'text,label\na,b\nc,"d\ne,f\n', 3, "a quote is opened"],
  ["a quote inside a cell", 'text,label\na,b\nc,d"e\n', 3, "a quote stands inside a cell"],
  ["text after a closing quote", 'text,label\n"a\nb",c\nd,"e"f\n', 4, "a quote ends a cell"],
  ["too few cells", "text,label\na,b\nc\n", 3, "the row has 1 cells, but the header 2"],
  ["too many cells", "text,label\na,b,c\n", 2, "the row has 3 cells, but the header 2"],
  ["an empty row", "text,label\na,b\n\nc,d\n", 3, "the row is empty"],
  ["an empty row with CRLF", "text,label\r\na,b\r\n\r\nc,d\r\n", 3, "the row is empty"],
  ["an empty cell", 'text,label\na,b\n" ",d\n', 3, 'the column "text" is empty'],
];
for (const [what, text, line, reason] of REFUSED) {
  Deno.test(`CSV: ${what} is refused with its line`, () => {
    const error = assertThrows(() => parse(text), TableError, reason);
    assertEquals(error.line, line);
    assertStringIncludes(error.message, `table.csv, line ${line}: `);
  });
}

Deno.test("end-of-file characters in cells are removed and noticed, refused or kept", () => {
  const text = 'text,label\na,b\n"x\x1ay",z\n\x1a';
  const notices: string[] = [];
  assertEquals(parse(text, { onNotice: (notice) => notices.push(notice) })[1].cells.text, "xy");
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0], 'line 3: the column "text" has an end-of-file character (0x1A)');
  assertEquals(parse(text, { endOfFileCharacters: "keep" })[1].cells.text, "x\x1ay");
  const error = assertThrows(
    () => parse(text, { endOfFileCharacters: "refuse" }),
    TableError,
    "0x1A",
  );
  assertEquals(error.line, 3);
});

Deno.test("a byte order mark is no part of the first column's name", () => {
  assertEquals(parse("\ufefftext,label\na,b\n").length, 1);
});

Deno.test("a cell of 10 MB is read whole", () => {
  const cell = "if (x) { y(); }\n".repeat(655_360);
  const rows = parse(`text,label\n"${cell}",x\na,b\n`);
  assertEquals(rows[0].cells.text.length, cell.length);
  assertEquals(rows[1].line, 655_363);
});

Deno.test("JSON lines are read by the same rules", () => {
  const options = { format: "jsonl" } as const;
  assertEquals(parse('{"label":"b","text":"a","id":3}\r\n{"text":"c","label":"d"}\n', options), [
    { line: 1, cells: { text: "a", label: "b" } },
    { line: 2, cells: { text: "c", label: "d" } },
  ]);
  const refused: [string, number, string][] = [
    ['{"text":"a","label":"b"}\n{"text":"a"}', 2, 'the column "label" is missing'],
    ['{"text":"a","label":"b"}\n\n{"text":"a","label":"b"}', 2, "the row is empty"],
    ['{"text":"a","label":"b"', 1, "not JSON"],
    ['["a","b"]', 1, "not a JSON object"],
    ['{"text":"a","label":7}', 1, "not a string but 7"],
    ['{"text":"","label":"b"}', 1, 'the column "text" is empty'],
  ];
  for (const [text, line, reason] of refused) {
    assertEquals(assertThrows(() => parse(text, options), TableError, reason).line, line);
  }
});

Deno.test("a file that is not UTF-8 is refused with its line", async () => {
  const bytes = new Uint8Array([...new TextEncoder().encode("text,label\na,b\n"), 0xff, 10]);
  await withFile("latin1.csv", bytes, async (path) => {
    const error = await assertRejects(() => readTable(path, { columns }), TableError, "not UTF-8");
    assertEquals(error.line, 3);
  });
});

Deno.test("snippets: aliases are understood, an unknown language is reported with its line", async () => {
  const csv = 'code,language\r\n"a\r\nb",C++\r\nx,Java\r\ny,Klingon\r\nz,r\r\n';
  await withFile("code.csv", csv, async (path) => {
    const error = await assertRejects(
      () => readCodeTable(path),
      TableError,
      '"Klingon" is none of c',
    );
    assertEquals(error.line, 5);
    const bad: number[] = [];
    const rows = await readCodeTable(path, { onBadRow: ({ line }) => bad.push(line) });
    assertEquals(bad, [5]);
    assertEquals(rows, [
      { code: "a\nb", language: "cpp" },
      { code: "x", language: "java" },
      { code: "z", language: "r" },
    ]);
    await assertRejects(() => readCodeTable(path, { languages: ["Java"] }), TableError, '"C++"');
  });
});

Deno.test("sentences: a label that is no permutation is reported with its line", async () => {
  const lines = ['{"text":"b a a","label":"a b a"}', '{"text":"b a","label":"a c"}'];
  await withFile("sentences.jsonl", lines.join("\n"), async (path) => {
    const error = await assertRejects(() => readScrambledTable(path), TableError, "no permutation");
    assertEquals(error.line, 2);
    assertStringIncludes(
      error.message,
      'the text has "b" more often, the label has "c" more often',
    );
    const bad: number[] = [];
    const rows = await readScrambledTable(path, { onBadRow: ({ line }) => bad.push(line) });
    assertEquals(bad, [2]);
    assertEquals(rows, [{ text: "b a a", label: "a b a" }]);
  });
});
