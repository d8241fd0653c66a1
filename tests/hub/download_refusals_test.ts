import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { download } from "../../lib/hub/download.ts";
import { HubError } from "../../lib/hub/hub_request.ts";
import type { HubAnswer } from "./misbehaving_hub.ts";
import { behave, headOf, WEIGHTS, withHub } from "./tiny_hub.ts";

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

Deno.test("a redirect to something that is no web address is refused", async () => {
  await withHub(
    (request) =>
      request.method === "HEAD"
        ? headOf()
        : { status: 302, headers: { Location: "file:///etc/hostname" } },
    async (_, options) => {
      await assertRejects(
        () => download("org/x", "f", options),
        HubError,
        "redirects to file:///etc/hostname",
      );
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
