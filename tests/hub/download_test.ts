import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { download, downloadFolder } from "../../lib/hub/download.ts";
import { HubError } from "../../lib/hub/hub_request.ts";
import { type HubAnswer, type HubRequest, MisbehavingHub } from "./misbehaving_hub.ts";
import { behave, COMMIT, contentOf, headOf, SHA256, WEIGHTS, withHub } from "./tiny_hub.ts";

Deno.test("a file is downloaded once, into the layout of Hugging Face's cache", async () => {
  await withHub(behave, async (hub, options) => {
    const progress: number[] = [];
    const path = await download("org/tiny", "sub/model.safetensors", {
      ...options,
      onProgress: ({ received, total }) => progress.push(received / total),
    });
    assertEquals(await Deno.readFile(path), WEIGHTS);
    const folder = `${options.cacheDir}/models--org--tiny`;
    assertEquals(path, `${folder}/snapshots/${COMMIT}/sub/model.safetensors`);
    assertEquals(await Deno.readFile(`${folder}/blobs/${SHA256}`), WEIGHTS);
    assertEquals(await Deno.readTextFile(`${folder}/refs/main`), COMMIT);
    assertEquals(progress.at(-1), 1);
    assertEquals(hub.requests.map(({ method }) => method), ["HEAD", "GET"]);
    assertEquals(hub.requests[0].path, "/org/tiny/resolve/main/sub/model.safetensors");

    await download("org/tiny", "sub/model.safetensors", options);
    assertEquals(hub.requests.map(({ method }) => method), ["HEAD", "GET", "HEAD"]);
    await download("org/tiny", "sub/model.safetensors", { ...options, revision: COMMIT });
    assertEquals(hub.requests.length, 3, "a commit in the cache needs no question");
  });
});

Deno.test("data sets have their own address and folder", async () => {
  await withHub(behave, async (hub, options) => {
    const path = await download("org/rows", "a b.csv", {
      ...options,
      type: "dataset",
      revision: "v1",
    });
    assertEquals(hub.requests[0].path, "/datasets/org/rows/resolve/v1/a%20b.csv");
    assertStringIncludes(path, "/datasets--org--rows/snapshots/");
  });
});

Deno.test("the head is the hub's, the content comes from where it redirects, without the token", async () => {
  await using store = new MisbehavingHub((request) => contentOf(request));
  await withHub(
    (request) => ({
      ...(request.method === "HEAD" ? headOf({ "Content-Length": 7 }) : {}),
      status: 302,
      headers: {
        ...(request.method === "HEAD" ? headOf().headers : {}),
        Location: `${store.endpoint}/blob`,
      },
    }),
    async (hub, options) => {
      const path = await download("tiny", "model.safetensors", { ...options, token: "secret" });
      assertEquals(await Deno.readFile(path), WEIGHTS);
      assertEquals(store.requests.map(({ method }) => method), ["GET"]);
      assertEquals(store.requests[0].headers.authorization, undefined);
      assert(hub.requests.every(({ headers }) => headers.authorization === "Bearer secret"));
    },
  );
});

Deno.test("a renamed repository is followed on the same host; a circle is noticed", async () => {
  await withHub(
    (request) =>
      request.path.startsWith("/old/")
        ? { status: 307, headers: { Location: request.path.replace("/old/", "/new/") } }
        : behave(request),
    async (_, options) => {
      assertEquals(await Deno.readFile(await download("old/x", "f", options)), WEIGHTS);
    },
  );
  await withHub(
    ({ path }) => ({ status: 302, headers: { Location: path } }),
    async (_, options) => {
      await assertRejects(() => download("org/x", "f", options), HubError, "redirects in circles");
    },
  );
});

Deno.test("a download that breaks off is resumed where it ended", async () => {
  let goes = 0;
  await withHub(
    (request) => {
      if (request.method === "HEAD") return headOf();
      const whole = contentOf(request);
      if (goes++ >= 2) return whole;
      // Announces all that is left and hangs up after 10,000 bytes.
      const headers = { ...whole.headers, "Content-Length": whole.body!.length };
      return { ...whole, headers, body: whole.body!.subarray(0, 10_000) };
    },
    async (hub, options) => {
      const path = await download("org/x", "f", options);
      assertEquals(await Deno.readFile(path), WEIGHTS);
      const ranges = hub.requests.slice(1).map(({ headers }) => headers.range);
      assertEquals(ranges, [undefined, "bytes=10000-", "bytes=20000-"]);
    },
  );
});

Deno.test("a later call resumes what an earlier one left, even if the hub ignores ranges", async () => {
  for (const ignoresRanges of [false, true]) {
    await withHub(
      (request) => {
        if (request.method === "HEAD") return headOf();
        return ignoresRanges ? { status: 200, body: WEIGHTS } : contentOf(request);
      },
      async (hub, options) => {
        const blobs = `${options.cacheDir}/models--org--x/blobs`;
        await Deno.mkdir(blobs, { recursive: true });
        await Deno.writeFile(`${blobs}/${SHA256}.incomplete`, WEIGHTS.subarray(0, 1234));
        const path = await download("org/x", "f", options);
        assertEquals(await Deno.readFile(path), WEIGHTS);
        assertEquals(hub.requests[1].headers.range, "bytes=1234-");
        assertEquals([...Deno.readDirSync(blobs)].map(({ name }) => name), [SHA256]);
      },
    );
  }
});

Deno.test("a hub that always hangs up is given up on, and what came is kept", async () => {
  await withHub(
    (request) => {
      if (request.method === "HEAD") return headOf();
      if (request.headers.range) return { status: 500 };
      return {
        status: 200,
        headers: { "Content-Length": WEIGHTS.length },
        body: WEIGHTS.subarray(0, 99),
      };
    },
    async (_, options) => {
      const error = await assertRejects(
        () => download("org/x", "f", { ...options, retries: 1 }),
        HubError,
      );
      assertStringIncludes(error.message, "answers 500");
      const { size } = await Deno.stat(
        `${options.cacheDir}/models--org--x/blobs/${SHA256}.incomplete`,
      );
      assertEquals(size, 99);
    },
  );
});

Deno.test("a wrong length, too short or too long, is never accepted", async () => {
  for (const body of [WEIGHTS.subarray(0, 49_000), new Uint8Array([...WEIGHTS, 1])]) {
    await withHub(
      (request) => request.method === "HEAD" ? headOf() : { status: 200, body },
      async (_, options) => {
        await assertRejects(
          () => download("org/x", "f", { ...options, retries: 1 }),
          HubError,
          `${body.length} bytes are offered, but the file has 50000`,
        );
      },
    );
  }
});

Deno.test("contents with a wrong checksum are fetched once more and then refused", async () => {
  const damaged = WEIGHTS.slice();
  damaged[777] ^= 1;
  await withHub(
    (request) => request.method === "HEAD" ? headOf() : { status: 200, body: damaged },
    async (hub, options) => {
      await assertRejects(() => download("org/x", "f", options), HubError, "has the hash");
      assertEquals(hub.requests.length, 3);
      const folder = `${options.cacheDir}/models--org--x`;
      await assertRejects(() => Deno.stat(`${folder}/blobs/${SHA256}`), Deno.errors.NotFound);
    },
  );
  await withHub(
    (request, count) =>
      request.method === "HEAD" ? headOf() : { status: 200, body: count === 1 ? damaged : WEIGHTS },
    async (_, options) => {
      assertEquals(await Deno.readFile(await download("org/x", "f", options)), WEIGHTS);
    },
  );
});

Deno.test("small files are checked by git's hash", async () => {
  const body = new TextEncoder().encode('{"model_type":"gpt2"}');
  const hash = createHash("sha1").update(`blob ${body.length}\0`).update(body).digest("hex");
  const head = (etag: string) => ({
    status: 200,
    headers: { "X-Repo-Commit": COMMIT, ETag: `W/"${etag}"`, "Content-Length": body.length },
  });
  const answer = (etag: string) => (request: HubRequest): HubAnswer =>
    request.method === "HEAD" ? head(etag) : { status: 200, body };
  await withHub(answer(hash), async (_, options) => {
    assertEquals(await Deno.readFile(await download("org/x", "config.json", options)), body);
  });
  await withHub(answer("0".repeat(40)), async (_, options) => {
    await assertRejects(() => download("org/x", "config.json", options), HubError, "has the hash");
  });
});

Deno.test("an empty file is a file", async () => {
  const hash = createHash("sha1").update("blob 0\0").digest("hex");
  await withHub(
    () => ({ status: 200, headers: { "X-Repo-Commit": COMMIT, ETag: `"${hash}"` } }),
    async (_, options) => {
      assertEquals((await Deno.stat(await download("org/x", "empty", options))).size, 0);
    },
  );
});

Deno.test("two downloads of one file at once do not disturb each other", async () => {
  await withHub(behave, async (hub, options) => {
    const both = await Promise.all([
      download("org/x", "f", options),
      download("org/x", "f", options),
    ]);
    for (const path of both) assertEquals(await Deno.readFile(path), WEIGHTS);
    assertEquals(hub.requests.filter(({ method }) => method === "GET").length, 1);
  });
});

Deno.test("a folder has all files of one commit, and the optional ones that exist", async () => {
  await withHub(
    (request) =>
      request.path.endsWith("vocab.txt")
        ? { status: 404, headers: { "X-Error-Code": "EntryNotFound" } }
        : behave(request),
    async (hub, options) => {
      const dir = await downloadFolder("org/x", ["a", "b"], {
        ...options,
        optional: ["c", "vocab.txt"],
      });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["a", "b", "c"]);
      const heads = hub.requests.filter(({ method }) => method === "HEAD").map(({ path }) => path);
      assertEquals(heads[0], "/org/x/resolve/main/a");
      assert(heads.slice(1).every((path) => path.includes(COMMIT)));
    },
  );
});
