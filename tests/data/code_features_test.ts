import { assertEquals } from "@std/assert";
import { type CodeFeature, markCodeFeatures } from "../../lib/data/code_features.ts";

const mark = (code: string, ...features: CodeFeature[]) =>
  markCodeFeatures(code, features.length ? features : undefined);

Deno.test("line breaks, tabs, whole numbers and fractions become tokens", () => {
  assertEquals(
    mark("if x > 10:\n\ty = 2.5"),
    "if x >  [INT] : [NEWLINE]  [TAB] y =  [FLOAT] ",
  );
  assertEquals(mark("a\r\nb\rc", "newline"), "a [NEWLINE] b [NEWLINE] c");
});

Deno.test("digits inside names, versions and ranges are told apart", () => {
  assertEquals(mark("x1 y_2 3z", "integer", "float"), "x1 y_2 3z");
  assertEquals(mark("0..9", "integer", "float"), " [INT] .. [INT] ");
  assertEquals(mark("1.2.3", "integer", "float"), "1.2.3");
  assertEquals(mark("6.02e23+1", "integer", "float"), " [FLOAT] + [INT] ");
  assertEquals(mark("f(1,2)", "integer"), "f( [INT] , [INT] )");
});

Deno.test("features that are not asked for stay", () => {
  assertEquals(mark("1\t2.0\n", "float"), "1\t [FLOAT] \n");
  assertEquals(markCodeFeatures("1\t2.0\n", []), "1\t2.0\n");
});
