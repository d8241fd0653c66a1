import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { download, downloadFolder, type DownloadOptions } from "../../lib/hub/download.ts";
import { HubError } from "../../lib/hub/hub_request.ts";
import { type HubAnswer, type HubRequest, MisbehavingHub } from "./misbehaving_hub.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const WEIGHTS = Uint8Array.from({ length: 50_000 }, (_, i) => (i * i) >> 3);
const SHA256 = createHash("sha256").update(WEIGHTS).digest("hex");

const headOf = (more: Record<string, string | number> = {}): HubAnswer => ({
  status: 200,
  headers: {
    "X-Repo-Commit": COMMIT,
    "X-Linked-ETag": `"${SHA256}"`,
    "X-Linked-Size": WEIGHTS.length,
    ETag: '"of-the-store"',
    ...more,
  },
});

/** The rest of the weights from where a request asks for it. */
function contentOf({ headers }: HubRequest): HubAnswer {
  const start = Number(headers.range?.match(/bytes=(\d+)-/)?.[1] ?? 0);
  if (start === 0) return { status: 200, body: WEIGHTS };
  const last = WEIGHTS.length - 1;
  return {
    status: 206,
    headers: { "Content-Range": `bytes ${start}-${last}/${WEIGHTS.length}` },
    body: WEIGHTS.subarray(start),
  };
}

const behave = (request: HubRequest) => request.method === "HEAD" ? headOf() : contentOf(request);

/** Runs `body` with a hub and an empty cache, undisturbed by this machine's own settings. */
async function withHub(
  answer: (request: HubRequest, count: number) => HubAnswer,
  body: (hub: MisbehavingHub, options: DownloadOptions & { cacheDir: string }) => Promise<void>,
): Promise<void> {
  const cacheDir = await Deno.makeTempDir();
  const kept = ["HF_TOKEN", "HF_HUB_OFFLINE", "HF_ENDPOINT"].map((name) =>
    [name, Deno.env.get(name)] as const
  );
  for (const [name] of kept) Deno.env.delete(name);
  try {
    await using hub = new MisbehavingHub(answer);
    await body(hub, { endpoint: hub.endpoint, cacheDir, retries: 3, maxWaitMs: 5 });
  } finally {
    for (const [name, value] of kept) if (value !== undefined) Deno.env.set(name, value);
    await Deno.remove(cacheDir, { recursive: true });
  }
}

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

const REFUSALS: [string, HubAnswer, string][] = [
  ["401", { status: 401 }, "set HF_TOKEN"],
  ["403", { status: 403 }, "private, gated or does not exist"],
  ["404 of a file", { status: 404, headers: { "X-Error-Code": "EntryNotFound" } }, "no such file"],
  [
    "404 of a revision",
    { status: 404, headers: { "X-Error-Code": "RevisionNotFound" } },
    "no such revision",
  ],
  [
    "404 of a repository",
    { status: 404, headers: { "X-Error-Code": "RepoNotFound" } },
    "no such repository",
  ],
  ["429 for an hour", { status: 429, headers: { "Retry-After": 3600 } }, "asks to wait 3600 s"],
  [
    "a page that is no hub's",
    { status: 200, body: WEIGHTS },
    "does not answer as the Hugging Face",
  ],
];
for (const [what, answer, part] of REFUSALS) {
  Deno.test(`the answer ${what} becomes a sentence`, async () => {
    await withHub(() => answer, async (hub, options) => {
      const error = await assertRejects(
        () => download("org/x", "model.bin", options),
        HubError,
        part,
      );
      assertStringIncludes(error.message, "model.bin of org/x at main");
      assertEquals(hub.requests.length, 1);
    });
  });
}

Deno.test("a refusal for now is waited out as long as it says", async () => {
  await withHub(
    (request, count) => {
      if (count === 0) return { status: 429, headers: { "Retry-After": "0.05" } };
      if (count === 1) return { status: 503, headers: { "Retry-After": "0" } };
      return behave(request);
    },
    async (hub, options) => {
      const start = performance.now();
      const path = await download("org/x", "f", { ...options, maxWaitMs: 1000 });
      assert(performance.now() - start >= 50);
      assertEquals(await Deno.readFile(path), WEIGHTS);
      assertEquals(hub.requests.length, 4);
    },
  );
});

Deno.test("a silent hub is not waited for for ever", async () => {
  await withHub(() => ({ ...headOf(), delayMs: 500 }), async (_, options) => {
    await assertRejects(
      () => download("org/x", "f", { ...options, retries: 0, timeoutMs: 30 }),
      HubError,
      "cannot be reached",
    );
  });
});

Deno.test("without a network the message names the default, and the cache is good enough", async () => {
  await withHub(behave, async (hub, options) => {
    const path = await download("org/x", "f", options);
    await hub[Symbol.asyncDispose]();
    assertEquals(await download("org/x", "f", { ...options, retries: 0 }), path);
    const error = await assertRejects(
      () => download("org/x", "other", { ...options, retries: 0 }),
      HubError,
      "cannot be reached",
    );
    assertStringIncludes(
      error.message,
      "use the generated data and models, or name a local folder",
    );
    assertEquals(error.status, undefined);
  });
});

Deno.test("HF_HUB_OFFLINE asks nobody", async () => {
  await withHub(behave, async (hub, options) => {
    const path = await download("org/x", "f", options);
    Deno.env.set("HF_HUB_OFFLINE", "1");
    try {
      assertEquals(await download("org/x", "f", options), path);
      await assertRejects(() => download("org/x", "g", options), HubError, "HF_HUB_OFFLINE is set");
    } finally {
      Deno.env.delete("HF_HUB_OFFLINE");
    }
    assertEquals(hub.requests.length, 2);
  });
});

Deno.test("HF_ENDPOINT and HF_TOKEN are heeded", async () => {
  await withHub(behave, async (hub, { endpoint, ...options }) => {
    Deno.env.set("HF_ENDPOINT", `${endpoint}/`);
    Deno.env.set("HF_TOKEN", "mine");
    try {
      await download("org/x", "f", options);
    } finally {
      Deno.env.delete("HF_ENDPOINT");
      Deno.env.delete("HF_TOKEN");
    }
    assertEquals(hub.requests[0].headers.authorization, "Bearer mine");
  });
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

for (
  const [repository, file, revision, part] of [
    ["../../etc", "passwd", "main", "repository must be"],
    ["a/b/c", "f", "main", "repository must be"],
    ["org/x", "../f", "main", "file must be"],
    ["org/x", "/etc/passwd", "main", "file must be"],
    ["org/x", "a\\..\\b", "main", "file must be"],
    ["org/x", "f", "../main", "revision must be"],
    ["org/x", "f", "", "revision must be"],
  ]
) {
  Deno.test(`"${repository}", "${file}", "${revision}" never leaves the cache's folder`, async () => {
    await assertRejects(() => download(repository, file, { revision }), TypeError, part);
  });
}
