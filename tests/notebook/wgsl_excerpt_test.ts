import { assertEquals, assertThrows } from "@std/assert";
import { wgslExcerpt } from "../../lib/notebook/wgsl_excerpt.ts";

const CODE = `fn main() { var b = 0.0;
{ let a = f(1, 2);   for (var i = 0u; i < 4u; i++) { b += a; } } }`;

Deno.test("an excerpt ends where its braces are closed and has a statement a line", () => {
  assertEquals(
    wgslExcerpt(CODE, "let a", "}"),
    "let a = f(1, 2);\nfor (var i = 0u; i < 4u; i++) {\n  b += a;\n}",
  );
  assertEquals(wgslExcerpt(CODE, "b +=", ";"), "b += a;");
});

Deno.test("an excerpt that is not there is an error that says so", () => {
  assertThrows(() => wgslExcerpt(CODE, "let c", ";"), Error, '"let c" does not occur');
  assertThrows(() => wgslExcerpt(CODE, "let a", "]"), Error, '"]" does not follow');
});
