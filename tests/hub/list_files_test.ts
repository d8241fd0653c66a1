import { assertEquals, assertRejects } from "@std/assert";
import { downloadTextDescrambling } from "../../lib/data/text_descrambling.ts";
import { HubError } from "../../lib/hub/hub_request.ts";
import { listFiles } from "../../lib/hub/list_files.ts";
import { type HubAnswer, type HubRequest, MisbehavingHub } from "./misbehaving_hub.ts";

const json = (value: unknown, headers: Record<string, string> = {}): HubAnswer => ({
  status: 200,
  headers,
  body: new TextEncoder().encode(JSON.stringify(value)),
});

Deno.test("a list in pages is read to its end, folders are left out", async () => {
  await using hub = new MisbehavingHub(({ path }) =>
    path.includes("cursor")
      ? json([{ type: "file", path: "sub/b.csv", size: 2 }])
      : json([{ type: "directory", path: "sub" }, { type: "file", path: "a", size: 1 }], {
        Link: `<${path}&cursor=2>; rel="next"`,
      })
  );
  const files = await listFiles("org/rows", { endpoint: hub.endpoint, type: "dataset" });
  assertEquals(files, [{ path: "a", size: 1 }, { path: "sub/b.csv", size: 2 }]);
  assertEquals(hub.requests[0].path, "/api/datasets/org/rows/tree/main?recursive=true");
});

Deno.test("an answer that is no list, and a repository that is not there, are sentences", async () => {
  await using hub = new MisbehavingHub(({ path }) =>
    path.includes("/none/")
      ? { status: 404, headers: { "X-Error-Code": "RepoNotFound" } }
      : json({ error: "odd" })
  );
  const { endpoint } = hub;
  await assertRejects(() => listFiles("org/x", { endpoint }), HubError, "is no list");
  await assertRejects(() => listFiles("none/x", { endpoint }), HubError, "no such repository");
});

Deno.test("the descrambling data set is found by its files' names and checked row by row", async () => {
  const rows = { train: "b a,a b,1\nx,y,2\n", validation: "d c,c d,3\n", test: "f e,e f,4\n" };
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const answer = ({ path, method }: HubRequest): HubAnswer => {
    if (path.startsWith("/api/")) {
      return json(
        ["README.md", "data/train.csv", "data/validation.csv", "data/test.csv"].map((path) => ({
          type: "file",
          path,
          size: 9,
        })),
      );
    }
    const split = path.match(/(\w+)\.csv$/)![1] as keyof typeof rows;
    const body = new TextEncoder().encode(`text,label,id\n${rows[split]}`);
    const headers = { "X-Repo-Commit": commit, ETag: `"${split}"`, "Content-Length": body.length };
    return { status: 200, headers, body: method === "HEAD" ? undefined : body };
  };
  await using hub = new MisbehavingHub(answer);
  const cacheDir = await Deno.makeTempDir();
  try {
    const bad: string[] = [];
    const splits = await downloadTextDescrambling({
      endpoint: hub.endpoint,
      cacheDir,
      onBadRow: ({ message }) => bad.push(message.split(":")[0]),
    });
    assertEquals(splits, {
      train: [{ text: "b a", label: "a b" }],
      validation: [{ text: "d c", label: "c d" }],
      test: [{ text: "f e", label: "e f" }],
    });
    assertEquals(bad, ["train.csv, line 3"]);
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
});
