/**
 * Which files a repository of the Hugging Face hub has.
 */
import { checkHubFile } from "./cache_layout.ts";
import type { DownloadOptions } from "./download.ts";
import { HubError, requestHub } from "./hub_request.ts";

/** A file of a repository. */
export interface ListedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Lists all files of a revision, those in folders included.
 *
 * @throws HubError with a sentence saying why the list cannot be had
 */
export async function listFiles(
  repository: string,
  options: Omit<DownloadOptions, "cacheDir" | "onProgress"> = {},
): Promise<ListedFile[]> {
  const { revision = "main", type = "model" } = options;
  checkHubFile({ repository, path: "any", revision, type });
  const endpoint = options.endpoint ?? Deno.env.get("HF_ENDPOINT") ?? "https://huggingface.co";
  const what = `the list of files of ${
    type === "model" ? "" : `${type} `
  }${repository} at ${revision}`;
  const files: ListedFile[] = [];
  let url: string | undefined = `${endpoint.replace(/\/+$/, "")}/api/${type}s/${repository}/tree/` +
    `${encodeURIComponent(revision)}?recursive=true`;
  while (url) {
    const answer: Response = await requestHub(url, {
      method: "GET",
      what,
      token: options.token ?? Deno.env.get("HF_TOKEN"),
      followToOtherHosts: false,
      retries: options.retries ?? 4,
      maxWaitMs: options.maxWaitMs ?? 60_000,
      timeoutMs: options.timeoutMs ?? 30_000,
    });
    files.push(...readPage(await answer.text(), what));
    // Long lists come in pages, each naming the next one (RFC 8288).
    const next = answer.headers.get("Link")?.match(/<([^>]+)>\s*;\s*rel="next"/)?.[1];
    url = next && new URL(next, url).href;
  }
  return files;
}

function readPage(text: string, what: string): ListedFile[] {
  try {
    return (JSON.parse(text) as { type: string; path: string; size: number }[])
      .filter(({ type }) => type === "file")
      .map(({ path, size }) => ({ path, size }));
  } catch (error) {
    throw new HubError(`The hub's answer is no list when asked for ${what}.`, undefined, {
      cause: error,
    });
  }
}
