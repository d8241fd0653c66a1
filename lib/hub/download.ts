/**
 * Downloads from the Hugging Face hub, by repository and revision, into the shared cache.
 *
 * ```ts ignore
 * import { download } from "cutloss/hub/mod.ts";
 *
 * const path = await download("openai-community/gpt2", "model.safetensors", {
 *   onProgress: ({ received, total }) => console.log(`${(100 * received / total).toFixed(0)}%`),
 * });
 * ```
 *
 * The package `@huggingface/hub` (2.17.5) would do for small files; for weights it lacks what
 * matters: it begins anew after an interruption, checks neither length nor hash, does not wait
 * when asked to (429), reports no progress and remembers no revision.
 */
import {
  checkHubFile,
  defaultCacheDir,
  exists,
  type HubFile,
  isCommit,
  RepositoryCache,
  type RepositoryType,
} from "./cache_layout.ts";
import { fetchBlob, type RemoteFile } from "./fetch_blob.ts";
import { HubError, type HubRequestOptions, requestHub } from "./hub_request.ts";

/** Options of {@linkcode download} and {@linkcode downloadFolder}. */
export interface DownloadOptions {
  /** A branch, a tag or a commit. */
  revision?: string;
  /** What kind of repository it is. */
  type?: RepositoryType;
  /** Where downloads are kept; by default where Hugging Face's own libraries keep them. */
  cacheDir?: string;
  /** Hears how many bytes there are, those of an earlier try included. */
  onProgress?: (progress: DownloadProgress) => void;
  /** The hub; `HF_ENDPOINT` or https://huggingface.co by default. */
  endpoint?: string;
  /** For private repositories; `HF_TOKEN` by default. */
  token?: string;
  /** How often a failure that may pass is tried again. */
  retries?: number;
  /** The longest wait between two tries, in milliseconds. */
  maxWaitMs?: number;
  /** How long the hub may be silent, in milliseconds. */
  timeoutMs?: number;
}

/** How far a download has come. */
export interface DownloadProgress {
  readonly file: string;
  /** Bytes. */
  readonly received: number;
  /** Bytes. */
  readonly total: number;
}

/**
 * Downloads a file unless the cache has it, and returns its path.
 *
 * An interrupted download is resumed where it ended. The result has the announced length and, where
 * the hub announces one, the right SHA-256 (or git hash); what has not is never kept. If the hub
 * cannot be reached, or `HF_HUB_OFFLINE` is set, a file of the same revision in the cache is good
 * enough.
 *
 * @throws HubError with a sentence saying why the file cannot be had
 */
export async function download(
  repository: string,
  file: string,
  options: DownloadOptions = {},
): Promise<string> {
  const { revision = "main", type = "model", cacheDir = defaultCacheDir() } = options;
  const hubFile: HubFile = { repository, path: file, revision, type };
  checkHubFile(hubFile);
  const cache = new RepositoryCache(cacheDir, hubFile);
  const cached = await cache.find(revision, file);
  if (cached && isCommit(revision)) return cached;
  if (Deno.env.get("HF_HUB_OFFLINE") === "1") {
    if (cached) return cached;
    throw new HubError(`${describe(hubFile)} is not in the cache, and HF_HUB_OFFLINE is set.`);
  }
  const request = requestOptions(hubFile, options);
  const url = urlOf(hubFile, options.endpoint ?? Deno.env.get("HF_ENDPOINT"));
  let remote: RemoteFile;
  try {
    remote = await inspect(url, request);
  } catch (error) {
    const unanswered = error instanceof HubError &&
      (error.status === undefined || error.status === 429 || error.status >= 500);
    if (cached && unanswered) return cached;
    throw error;
  }
  const blob = cache.blob(remote.hash);
  if (!await exists(blob)) {
    await fetchBlob(url, blob, remote, request, (received) => {
      options.onProgress?.({ file, received, total: remote.size });
    });
  }
  await cache.rememberRevision(revision, remote.commit);
  return await cache.link(remote.hash, remote.commit, file);
}

/** Options of {@linkcode downloadFolder}. */
export interface DownloadFolderOptions extends DownloadOptions {
  /** Files that are downloaded if the repository has them. */
  optional?: readonly string[];
}

/**
 * Downloads several files of one revision and returns the folder that holds them, as
 * `Gpt2.load(dir)` and its like expect it.
 *
 * ```ts ignore
 * import { downloadFolder } from "cutloss/hub/mod.ts";
 *
 * const dir = await downloadFolder("openai-community/gpt2", ["config.json", "model.safetensors"], {
 *   optional: ["tokenizer.json"],
 * });
 * ```
 */
export async function downloadFolder(
  repository: string,
  files: readonly [string, ...string[]],
  { optional = [], ...options }: DownloadFolderOptions = {},
): Promise<string> {
  const { revision = "main", type = "model", cacheDir = defaultCacheDir() } = options;
  await download(repository, files[0], options);
  const cache = new RepositoryCache(cacheDir, { repository, type });
  // Later files come from the commit of the first, whatever happens to the branch meanwhile.
  const commit = (await cache.commitOf(revision))!;
  for (const file of files.slice(1)) {
    await download(repository, file, { ...options, revision: commit });
  }
  for (const file of optional) {
    try {
      await download(repository, file, { ...options, revision: commit });
    } catch (error) {
      if (!(error instanceof HubError && error.status === 404)) throw error;
    }
  }
  return cache.snapshotFolder(commit);
}

function describe({ repository, path, revision, type }: HubFile): string {
  return `${path} of ${type === "model" ? "" : `${type} `}${repository} at ${revision}`;
}

function requestOptions(
  file: HubFile,
  { token, retries = 4, maxWaitMs = 60_000, timeoutMs = 30_000 }: DownloadOptions,
): Omit<HubRequestOptions, "method" | "followToOtherHosts"> {
  return {
    what: describe(file),
    token: token ?? Deno.env.get("HF_TOKEN") ?? undefined,
    // A compressed answer would have another length than the file.
    headers: { "Accept-Encoding": "identity", "User-Agent": "cutloss" },
    retries,
    maxWaitMs,
    timeoutMs,
  };
}

function urlOf({ repository, path, revision, type }: HubFile, endpoint?: string): string {
  const base = (endpoint || "https://huggingface.co").replace(/\/+$/, "");
  const prefix = type === "dataset" ? "datasets/" : "";
  const file = path.split("/").map(encodeURIComponent).join("/");
  return `${base}/${prefix}${repository}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/** Asks for a file's head. The hub's own answer is wanted, not that of the store it redirects to. */
async function inspect(
  url: string,
  request: Omit<HubRequestOptions, "method" | "followToOtherHosts">,
): Promise<RemoteFile> {
  const answer = await requestHub(url, { ...request, method: "HEAD", followToOtherHosts: false });
  await answer.body?.cancel();
  const header = (name: string) => answer.headers.get(name) ?? undefined;
  const commit = header("X-Repo-Commit");
  const hash = (header("X-Linked-ETag") ?? header("ETag"))?.replace(/^W\//, "").replaceAll('"', "");
  const size = Number(header("X-Linked-Size") ?? header("Content-Length") ?? NaN);
  if (
    !commit || !isCommit(commit) || !hash || !/^[\w-]+$/.test(hash) || !Number.isSafeInteger(size)
  ) {
    throw new HubError(
      `${new URL(url).origin} does not answer as the Hugging Face hub does when asked for ` +
        `${request.what}: commit ${commit}, hash ${hash}, size ${size}.`,
      answer.status,
    );
  }
  return { commit, hash, size };
}
