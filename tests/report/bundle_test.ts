/** Our library as one classic script, and the loss in a browser with the values of Deno. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { Gpu, linearCrossEntropy } from "../../lib/mod.ts";
import { bundleForBrowser } from "../../lib/report/bundle.ts";
import { chromiumPath, complaints, launch, newPage } from "./browser.ts";

const LIBRARY = new URL("../../lib/mod.ts", import.meta.url);

/** Rows, width and vocabulary: none a multiple of anything, more than one tile each. */
const N = 131, D = 37, V = 301;

/** Inputs that both sides make alike. */
function inputs(n: number, d: number, v: number) {
  const wave = (length: number, step: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(i * step) * 0.5);
  const targets = Int32Array.from({ length: n }, (_, i) => i % 7 === 3 ? -100 : (i * 31) % v);
  return { e: wave(n * d, 0.7), c: wave(v * d, 1.3), targets };
}

/** Loss and gradients of the three ways, as plain numbers. */
async function losses(
  library: { Gpu: typeof Gpu; linearCrossEntropy: typeof linearCrossEntropy },
  { e, c, targets }: ReturnType<typeof inputs>,
  [n, d, v]: number[],
): Promise<number[][]> {
  const gpu = await library.Gpu.open();
  const results: number[][] = [];
  for (const impl of ["naive", "chunked", "cut"] as const) {
    const embeddings = gpu.tensor(e, [n, d], { requiresGrad: true });
    const classifier = gpu.tensor(c, [v, d], { requiresGrad: true });
    const loss = library.linearCrossEntropy(embeddings, classifier, targets, { impl, softcap: 20 });
    loss.backward();
    results.push([
      await loss.item(),
      ...await embeddings.grad!.read(),
      ...await classifier.grad!.read(),
    ]);
  }
  gpu[Symbol.dispose]();
  return results;
}

Deno.test("the library becomes one classic script that needs nothing of Deno or Node", async () => {
  const script = await bundleForBrowser(LIBRARY, { globalName: "cutloss" });
  assert(/^("use strict";)?var cutloss=/.test(script), script.slice(0, 60));
  assert(!/(?<!")\bDeno\.|["']node:|\bimport\s*[("]|^export /m.test(script));
});

Deno.test("a module that does not exist is refused with its name", async () => {
  await assertRejects(() => bundleForBrowser("lib/no_such_module.ts"), Error, "no_such_module");
});

Deno.test({
  name: "the loss and its gradients in Chromium's WebGPU are those of Deno",
  ignore: !chromiumPath,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const shape = [N, D, V];
    const expected = await losses({ Gpu, linearCrossEntropy }, inputs(N, D, V), shape);
    const script = await bundleForBrowser(LIBRARY, { globalName: "cutloss" });
    const blank = await Deno.makeTempFile({ suffix: ".html" });
    const browser = await launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader");
    try {
      const page = await newPage(browser);
      const found = complaints(page);
      await page.goto(pathToFileURL(blank).href);
      await page.addScriptTag({ content: script });
      const actual: number[][] = await page.evaluate(
        `(async () => { ${inputs}; ${losses}; return losses(cutloss, inputs(${shape}), [${shape}]) })()`,
      );
      assertEquals(found, []);
      assertEquals(actual.map((values) => values.length), expected.map((values) => values.length));
      expected.forEach((values, way) =>
        values.forEach((value, i) => {
          // Two adapters sum in different orders and have their own exp; f32 leaves 1e-6 of it.
          const difference = Math.abs(actual[way][i] - value);
          assert(
            difference <= 1e-6 + 1e-5 * Math.abs(value),
            `way ${way}, value ${i}: ${difference}`,
          );
        })
      );
      assert(Math.abs(expected[0][0] - Math.log(V)) < 1, "the loss of small logits is about log V");
    } finally {
      await browser.close();
      await Deno.remove(blank);
    }
  },
});
