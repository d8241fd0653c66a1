import { fetchedFiles } from "../../lib/files/mod.ts";
import { assertEquals, assertRejects } from "@std/assert";

const FIXTURES = new URL("../fixtures/nn/gpt2", import.meta.url).href;
const model = await Deno.readFile(new URL(`${FIXTURES}/model.safetensors`));

/** Answers by path: a good file, one without its length, one that breaks off, and what is absent. */
function answer({ url }: Request): Response {
  const { pathname } = new URL(url);
  const stream = (
    bytes: Uint8Array<ArrayBuffer>,
    end: (to: ReadableStreamDefaultController) => void,
  ) =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(bytes);
        end(controller);
      },
    });
  switch (pathname) {
    case "/models/good":
      return new Response(model);
    case "/models/streamed":
      return new Response(stream(model, (to) => to.close()));
    case "/models/cut":
      return new Response(stream(model.slice(0, 999), (to) => to.close()));
    case "/models/broken":
      return new Response(stream(model.slice(0, 999), (to) => to.error(new Error("gone"))), {
        headers: { "Content-Length": String(model.length) },
      });
    default:
      return new Response("no", { status: 404 });
  }
}

async function withServer(test: (url: string) => Promise<void>): Promise<void> {
  await using server = Deno.serve(
    { port: 0, onListen: () => {}, onError: () => new Response() },
    answer,
  );
  await test(`http://localhost:${server.addr.port}/models`);
}

Deno.test("tensors are fetched with or without a length, and progress is told", async () => {
  await withServer(async (url) => {
    for (const [name, total] of [["good", model.length], ["streamed", undefined]] as const) {
      const told: unknown[] = [];
      const files = fetchedFiles(url, { onProgress: (progress) => void told.push(progress) });
      using tensors = await files.openTensors(name);
      assertEquals(tensors.read("transformer.ln_f.bias").shape, [24]);
      assertEquals(told.at(-1), { file: name, received: model.length, total });
    }
  });
});

Deno.test("what a server does not give in whole is refused with its URL", async () => {
  await withServer(async (url) => {
    const files = fetchedFiles(`${url}/`);
    await assertRejects(
      () => files.readText("config.json"),
      Error,
      `${url}/config.json: the server answered 404`,
    );
    await assertRejects(() => files.openTensors("cut"), Error, `${url}/cut is`);
    await assertRejects(() => files.openTensors("broken"), Error, `Cannot fetch ${url}/broken: `);
    await assertRejects(() => files.writeText("x", ""), TypeError, "can only be read");
  });
  const nobody = fetchedFiles("http://localhost:1/models");
  await assertRejects(
    () => nobody.readText("config.json"),
    Error,
    "Cannot fetch http://localhost:1/",
  );
});
