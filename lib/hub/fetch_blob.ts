/**
 * Fetching of a file's contents, in as many goes as it takes.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { exists } from "./cache_layout.ts";
import { HubError, type HubRequestOptions, requestHub } from "./hub_request.ts";

/** What the hub says about a file before sending it. */
export interface RemoteFile {
  readonly commit: string;
  /** SHA-256 of large files, git's SHA-1 of small ones: the file's name among the blobs. */
  readonly hash: string;
  readonly size: number;
}

/** Fetches the contents of a file, in as many goes as it takes, and puts them at `blob`. */
export async function fetchBlob(
  url: string,
  blob: string,
  remote: RemoteFile,
  request: Omit<HubRequestOptions, "method" | "followToOtherHosts">,
  onProgress: (received: number) => void,
): Promise<void> {
  await Deno.mkdir(dirname(blob), { recursive: true });
  const incomplete = `${blob}.incomplete`;
  using part = await Deno.open(incomplete, { read: true, write: true, create: true });
  // Another process may be downloading the same file: let it, and take its result.
  await part.lock(true);
  if (await exists(blob)) return;
  const get = { ...request, method: "GET", followToOtherHosts: true } as const;
  let mismatches = 0;
  for (let failures = 0;;) {
    let received = (await part.stat()).size;
    if (received > remote.size) {
      await part.truncate(0);
      received = 0;
    }
    if (received < remote.size || remote.size === 0) {
      const before = received;
      const problem = await append(part, received, remote.size, url, get, (now) => {
        onProgress(received = now);
      });
      if (problem) {
        // Only goes that brought nothing new count.
        failures = received > before ? 0 : failures + 1;
        if (failures <= request.retries) {
          const wait = failures === 0 ? 0 : Math.min(request.maxWaitMs, 500 * 2 ** (failures - 1));
          await new Promise((resolve) => setTimeout(resolve, wait));
          continue;
        }
        throw new HubError(
          `The download of ${request.what} broke off after ${received} of ${remote.size} bytes ` +
            `(${problem}); calling again resumes it.`,
        );
      }
    }
    const actual = await hashOf(part, remote);
    if (actual === undefined || actual === remote.hash) break;
    await part.truncate(0);
    if (++mismatches < 2) continue;
    throw new HubError(
      `What the hub sent for ${request.what} has the hash ${actual}, but ${remote.hash} was ` +
        "announced; it was thrown away.",
    );
  }
  await part.sync();
  await Deno.rename(incomplete, blob);
}

/** Appends what is missing to a file. Returns what went wrong, or undefined if nothing did. */
async function append(
  part: Deno.FsFile,
  start: number,
  size: number,
  url: string,
  request: HubRequestOptions,
  onReceived: (received: number) => void,
): Promise<string | undefined> {
  const headers = start > 0 ? { ...request.headers, Range: `bytes=${start}-` } : request.headers;
  const answer = await requestHub(url, { ...request, headers });
  const range = answer.headers.get("Content-Range")?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/);
  let received = start;
  if (answer.status !== 206 || !range || Number(range[1]) !== start) {
    // The server sends the file from its beginning, or it cannot continue where we are.
    await part.truncate(0);
    received = 0;
    if (answer.status !== 200) {
      await answer.body?.cancel();
      return `answer ${answer.status} to a request for the rest`;
    }
  }
  const announced = Number(range?.[2] ?? answer.headers.get("Content-Length") ?? size);
  if (Number.isFinite(announced) && announced !== size) {
    await answer.body?.cancel();
    return `${announced} bytes are offered, but the file has ${size}`;
  }
  await part.seek(received, Deno.SeekMode.Start);
  const reader = answer.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await withTimeout(reader.read(), request.timeoutMs);
      if (done) break;
      if (received + value.length > size) return `more than ${size} bytes came`;
      for (let written = 0; written < value.length;) {
        written += await part.write(value.subarray(written));
      }
      onReceived(received += value.length);
    }
  } catch (error) {
    return (error as Error).message;
  } finally {
    await reader?.cancel().catch(() => {});
  }
  return received === size ? undefined : "the connection was closed early";
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${timeoutMs} ms`)), timeoutMs);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The file's hash of the kind that was announced, or undefined for a kind unknown. */
async function hashOf(part: Deno.FsFile, { hash, size }: RemoteFile): Promise<string | undefined> {
  const sha256 = /^[0-9a-f]{64}$/.test(hash);
  if (!sha256 && !/^[0-9a-f]{40}$/.test(hash)) return undefined;
  const hasher = createHash(sha256 ? "sha256" : "sha1");
  if (!sha256) hasher.update(`blob ${size}\0`);
  await part.seek(0, Deno.SeekMode.Start);
  const chunk = new Uint8Array(1 << 20);
  for (let n; (n = await part.read(chunk)) !== null;) hasher.update(chunk.subarray(0, n));
  return hasher.digest("hex");
}
