/**
 * A repository of one file for the tests of downloads.
 */
import { createHash } from "node:crypto";
import type { DownloadOptions } from "../../lib/hub/download.ts";
import { type HubAnswer, type HubRequest, MisbehavingHub } from "./misbehaving_hub.ts";

/** The commit that every revision stands for. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
/** The contents of every file. */
export const WEIGHTS = Uint8Array.from({ length: 50_000 }, (_, i) => (i * i) >> 3);
/** Their hash. */
export const SHA256 = createHash("sha256").update(WEIGHTS).digest("hex");

/** What the hub says of the weights when asked for their head. */
export const headOf = (more: Record<string, string | number> = {}): HubAnswer => ({
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
export function contentOf({ headers }: HubRequest): HubAnswer {
  const start = Number(headers.range?.match(/bytes=(\d+)-/)?.[1] ?? 0);
  if (start === 0) return { status: 200, body: WEIGHTS };
  const last = WEIGHTS.length - 1;
  return {
    status: 206,
    headers: { "Content-Range": `bytes ${start}-${last}/${WEIGHTS.length}` },
    body: WEIGHTS.subarray(start),
  };
}

/** A hub as it should be. */
export const behave = (request: HubRequest) =>
  request.method === "HEAD" ? headOf() : contentOf(request);

/** Runs `body` with a hub and an empty cache, undisturbed by this machine's own settings. */
export async function withHub(
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
