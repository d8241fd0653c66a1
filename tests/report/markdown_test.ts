import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { markdownRenderer } from "../../lib/report/markdown.ts";

const render = (source: string) => markdownRenderer().render(source);

Deno.test("inline and displayed formulas become KaTeX with MathML", () => {
  const text = render("Let $x_i$ be\n\n$$\\sum_i x_i$$\n\nand \\(y\\), \\[z\\] too.");
  assertEquals(text.match(/class="katex"/g)?.length, 4);
  assertEquals(text.match(/class="katex-display"/g)?.length, 2);
  assertStringIncludes(text, '<annotation encoding="application/x-tex">x_i</annotation>');
});

Deno.test("underscores, stars and ampersands in formulas are not Markdown", () => {
  const text = render("$a_1 * b_1 * c$\n\n\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}\n");
  assert(!text.includes("<em>"));
  assertStringIncludes(text, "katex-display");
  assert(!text.includes("math-error"), text);
});

Deno.test("money is not math", () => {
  assertStringIncludes(render("It costs $5 and $6, or $ 7 $."), "It costs $5 and $6, or $ 7 $.");
});

Deno.test("dollars in code stay dollars", () => {
  assertStringIncludes(render("`$x$` and\n\n```ts\nconst y = `${z}$`;\n```"), "<code>$x$</code>");
  assert(!render("```ts\n`${z}$ $a$`;\n```").includes("katex"));
});

Deno.test("a formula that KaTeX does not know is shown as written, with the reason", () => {
  const text = render("$\\nosuchcommand{x}$");
  assertStringIncludes(text, "math-error");
  assertStringIncludes(text, "\\nosuchcommand{x}</code>");
});

Deno.test("headings get identifiers, unique on the page, and are collected", () => {
  const markdown = markdownRenderer();
  const text = markdown.render("## Über *alles*: $x$\n\n## Same\n\n### Same\n");
  assertEquals(markdown.headings.map(({ level, id }) => [level, id]), [
    [2, "u-ber-alles-x"],
    [2, "same"],
    [3, "same-2"],
  ]);
  assertStringIncludes(text, '<h3 id="same-2">');
  assertStringIncludes(text, 'href="#same-2"');
});

Deno.test("TypeScript and WGSL are highlighted, other languages only escaped", () => {
  assertStringIncludes(render("```ts\nconst a = 1;\n```"), '<span class="code-keyword">const');
  assertStringIncludes(render("```wgsl\nfn main() {}\n```"), '<span class="code-keyword">fn');
  assertStringIncludes(render("```nonsense\na < b\n```"), "<code>a &lt; b</code>");
});

Deno.test("links between notebooks lead to their pages, others stay", () => {
  assertStringIncludes(render("[a](./04-gpt2.ipynb#loss)"), 'href="04-gpt2.html#loss"');
  assertStringIncludes(
    render("[a](https://example.org/x.ipynb)"),
    'href="https://example.org/x.ipynb"',
  );
});

Deno.test("pictures in attachments are put into the page", () => {
  const text = markdownRenderer().render("![a cat](attachment:cat.png)", {
    "cat.png": { "image/png": ["iVBO\n", "Rw0="] },
  });
  assertStringIncludes(text, 'src="data:image/png;base64,iVBORw0="');
  assertStringIncludes(text, 'alt="a cat"');
});

Deno.test("raw HTML is made harmless: scripts and handlers go, tables stay", () => {
  const text = render(
    '<script>alert(1)</script>\n\n<table onclick="x()"><tr><td style="color: red">1</td></tr></table>\n\n' +
      "a <b>bold</b> <img src=x onerror=alert(1)> <a href='javascript:x()'>y</a>\n",
  );
  assert(!text.includes("<script"), text);
  assert(!text.includes("onclick"), text);
  assert(!/<img|<a href='java/.test(text), text);
  assertStringIncludes(text, "<b>bold</b>");
  assertStringIncludes(text, "<td style=");
});

Deno.test("a javascript address is no link", () => {
  assert(!render("[x](javascript:alert(1))").includes("href"));
});
