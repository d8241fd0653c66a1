import { assertEquals, assertThrows } from "@std/assert";
import { judge, readArguments } from "../../lib/tasks/notebooks.ts";

Deno.test("without arguments all notebooks are compared, each executed once", () => {
  const once = { record: false, twice: false, only: [], out: undefined };
  assertEquals(readArguments([]), once);
  assertEquals(readArguments(["--check"]), once);
  assertEquals(readArguments(["--help"]), undefined);
});

Deno.test("what is recorded is executed twice, what is compared if asked for", () => {
  assertEquals(readArguments("--record --only 06,01".split(" ")), {
    record: true,
    twice: true,
    only: ["06", "01"],
    out: undefined,
  });
  assertEquals(readArguments(["06", "--only", "01", "2,3"])?.only, ["01", "06", "2", "3"]);
  assertEquals(readArguments(["--check", "--twice"])?.twice, true);
  assertThrows(() => readArguments(["--check", "--record"]), Error, "exclude each other");
});

Deno.test("both a second run that differs and a first that is not as recorded are told", () => {
  const cells = (text: string) => [{ cell: "a", outputs: [{ kind: "text", text }] }];
  const expected = { notebook: "x", scale: "smoke", seed: 0, adapter: "", cells: cells("one") };
  assertEquals(judge("x", [cells("one"), cells("one")], expected), []);
  assertEquals(judge("x", [cells("two"), cells("one")], expected), [
    "a second run on this adapter differs: cell a, text: the text is “one”; recorded: “two”.",
    "cell a, text: the text is “two”; recorded: “one”.",
  ]);
});
