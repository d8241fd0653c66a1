/** A page in Chromium: models from a server and in the page's folder, a training that goes on. */
import { assert, assertEquals } from "@std/assert";
import { bundleForBrowser } from "../../lib/report/bundle.ts";
import { assertClose, fixture } from "../nn/fixtures.ts";
import { chromiumPath, launch, newPage } from "../report/browser.ts";

const PAGE = new URL("../browser/page.ts", import.meta.url);

/** Runs a call of page.ts in a page of `localhost`, where browsers give folders and WebGPU. */
async function inPage<Result>(call: string, models: string): Promise<Result> {
  const script = await bundleForBrowser(PAGE, { globalName: "page" });
  await using server = Deno.serve({ port: 0, onListen: () => {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/page.js") return new Response(script);
    if (pathname !== "/") return new Response(await Deno.readFile(`${models}${pathname}`));
    return new Response("<!doctype html><link rel=icon href=data:><script src=page.js></script>", {
      headers: { "Content-Type": "text/html" },
    });
  });
  const browser = await launch("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader");
  try {
    const page = await newPage(browser);
    await page.goto(`http://localhost:${server.addr.port}/`);
    return await page.evaluate(`page.${call}`) as Result;
  } finally {
    await browser.close();
  }
}

const { path, rows, tensors } = await fixture("gpt2");

Deno.test({
  name: "a page loads a model from a server, stores it in its folder, and loads it from there",
  ignore: !chromiumPath,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const ids = rows("input_ids").map((row) => [...row]);
    const [fetched, stored, heard] = await inPage<number[][]>(
      `fetchAndStore(${JSON.stringify({ ids })})`,
      path.replace(/gpt2$/, ""),
    );
    assertEquals(stored, fetched);
    assertClose(fetched, tensors.get("logits")!.data as Float32Array, "logits", 1e-4);
    const { size } = await Deno.stat(`${path}/model.safetensors`);
    assertEquals(heard.at(-1), size);
    assert(heard.every((bytes, i) => i === 0 || bytes > heard[i - 1]), heard.join());
  },
});

Deno.test({
  name: "a training in a page goes on after the page was closed, bit for bit",
  ignore: !chromiumPath,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const { whole, rest, ...folders } = await inPage<Record<string, [number, number][]>>(
      "goOn()",
      path,
    );
    assertEquals(whole.map(([step]) => step), [1, 2, 3, 4, 5, 6]);
    assertEquals(rest, whole.slice(4));
    // Unfinished checkpoints go; what is none stays.
    assertEquals(Object.keys(folders), ["not ours,step-00000006,step-00000006"]);
  },
});
