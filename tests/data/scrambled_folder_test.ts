import { assertEquals, assertRejects } from "@std/assert";
import { TableError } from "../../lib/data/table.ts";
import { readScrambledFolder } from "../../lib/data/text_descrambling.ts";

Deno.test("a folder of CSV and JSON lines is read as the hub's data set is", async () => {
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  try {
    await write("train.csv", "text,label,id\nsleeps cat the,the cat sleeps,1\n");
    await write("validation.jsonl", '{"text": "b a", "label": "a b"}\n');
    await assertRejects(
      () => readScrambledFolder(folder),
      Error,
      "no CSV or JSON-lines file for test",
    );
    await write("test.csv", 'text,label\n"d, c","c d,"\nx y,y z\n');
    const error = await assertRejects(() => readScrambledFolder(folder), TableError);
    assertEquals([error.source, error.line], ["test.csv", 3]);
    const bad: number[] = [];
    const found = await readScrambledFolder(folder, { onBadRow: ({ line }) => bad.push(line) });
    assertEquals(found, {
      train: [{ text: "sleeps cat the", label: "the cat sleeps" }],
      validation: [{ text: "b a", label: "a b" }],
      test: [{ text: "d, c", label: "c d," }],
    });
    assertEquals(bad, [3]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
