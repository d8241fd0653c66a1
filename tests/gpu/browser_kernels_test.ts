/** Browsers read WGSL more strictly than Deno does: parentheses, and barriers that all threads reach. */
import { assert, assertEquals } from "@std/assert";
import { allKernels } from "../browser/all_kernels.ts";
import { chromiumPath, launch, newPage } from "../report/browser.ts";

/** What a page makes of shaders: error messages of each. Where it lacks f16, it reads f32 in its place. */
const COMPILE = `async (codes) => {
  const widened = (code) =>
    code.replace("enable f16;", "").replace(/\\bf16\\b/g, "f32").replace(/\\bvec([234])h\\b/g, "vec$1f")
      .replace(/(\\d)h\\b/g, "$1f");
  const adapter = await navigator.gpu.requestAdapter();
  const half = adapter.features.has("shader-f16");
  const device = await adapter.requestDevice({ requiredFeatures: half ? ["shader-f16"] : [] });
  device.pushErrorScope("validation");
  const found = await Promise.all(codes.map(async (code) => {
    const shader = device.createShaderModule({ code: half ? code : widened(code) });
    const { messages } = await shader.getCompilationInfo();
    return messages.filter(({ type }) => type === "error").map(({ message }) => message);
  }));
  await device.popErrorScope();
  return found;
}`;

Deno.test({
  name: "a browser accepts the WGSL of every kernel, with the tiles of GPUs and of software",
  ignore: !chromiumPath,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using server = Deno.serve(
      { port: 0, onListen: () => {} },
      () =>
        new Response("<!doctype html><link rel=icon href=data:>", {
          headers: { "Content-Type": "text/html" },
        }),
    );
    const browser = await launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader");
    try {
      const page = await newPage(browser);
      await page.goto(`http://localhost:${server.addr.port}/`);
      const compile = async (codes: string[]) =>
        await page.evaluate(`(${COMPILE})(${JSON.stringify(codes)})`) as string[][];
      const names = new Set<string>();
      for (const software of [true, false]) {
        const kernels = await allKernels({ software });
        const found = await compile(kernels.map(({ code }) => code));
        found.forEach((errors, i) => assertEquals(errors, [], kernels[i].name));
        kernels.forEach(({ name }) => names.add(name));
      }
      // Those that are defined, so that none is forgotten.
      const defined: string[] = [];
      for await (const { name } of Deno.readDir(new URL("../../kernels", import.meta.url))) {
        const text = await Deno.readTextFile(new URL(`../../kernels/${name}`, import.meta.url));
        for (const [, kernel] of text.matchAll(/^export const \w+ = defineKernel\(\s*"(\w+)"/gm)) {
          defined.push(kernel);
        }
      }
      assert(defined.length > 30, "kernels are found in their files");
      assertEquals(
        defined.filter((name) => !names.has(name)),
        [],
        "kernels that nothing asked for",
      );
      const [errors] = await compile(["fn f(a: u32) -> bool { return a >= 1u | true; }"]);
      assert(errors.length > 0, "what a browser refuses is told");
    } finally {
      await browser.close();
    }
  },
});
