/** Files behind a URL. */
import { parseSafetensors, type Safetensors } from "./safetensors.ts";
import { SafetensorsError } from "./safetensors_header.ts";

/** Options of {@linkcode fetchedFiles}. */
export interface FetchedFilesOptions {
  /** Headers, credentials or a signal for every request. */
  request?: RequestInit;
  /** Hears of large files how many bytes have come, and of how many if the server says so. */
  onProgress?: (progress: { file: string; received: number; total: number | undefined }) => void;
}

/** What {@linkcode fetchedFiles} gives; it is a `ModelFiles` of lib/nn, to read only. */
export interface FetchedFiles {
  readText(name: string): Promise<string>;
  writeText(name: string, text: string): Promise<never>;
  openTensors(name: string): Promise<Safetensors>;
  writeTensors(name: string, tensors: unknown): Promise<never>;
}

/**
 * A model's files on a server, fetched when they are asked for.
 *
 * ```ts ignore
 * const files = fetchedFiles("https://huggingface.co/openai-community/gpt2/resolve/main");
 * using model = await Gpt2.load(gpu, files);
 * await model.save(directoryFiles(await navigator.storage.getDirectory())); // for the next time
 * ```
 *
 * @param folder the URL that the files' names follow; in a page it may be relative to the page.
 */
export function fetchedFiles(
  folder: string | URL,
  { request, onProgress }: FetchedFilesOptions = {},
): FetchedFiles {
  const base = new URL(
    String(folder).replace(/\/*$/, "/"),
    (globalThis as { location?: { href: string } }).location?.href,
  );
  /** What `use` makes of an answer; whatever goes wrong is told with the URL. */
  const get = async <T>(name: string, use: (answer: Response) => Promise<T>): Promise<T> => {
    const url = new URL(name, base);
    let answer: Response;
    try {
      answer = await fetch(url, request);
      if (answer.ok) return await use(answer);
    } catch (cause) {
      if (cause instanceof SafetensorsError) throw cause;
      throw new Error(`Cannot fetch ${url}: ${(cause as Error).message}.`, { cause });
    }
    await answer.body?.cancel();
    throw new Error(`Cannot fetch ${url}: the server answered ${answer.status}.`);
  };
  const refuse = (name: string) =>
    Promise.reject(new TypeError(`Cannot write ${name}: files behind ${base} can only be read.`));
  return {
    readText: (name) => get(name, (answer) => answer.text()),
    openTensors: (name) =>
      get(name, async (answer) => {
        const total = lengthOf(answer);
        const hear = (received: number) => onProgress?.({ file: name, received, total });
        return parseSafetensors(await bytesOf(answer, total, hear), answer.url);
      }),
    writeText: refuse,
    writeTensors: refuse,
  };
}

/** The length of an answer's body; undefined if the server does not say, or packs it for the way. */
function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get("Content-Length");
  return length === null || headers.has("Content-Encoding") ? undefined : Number(length);
}

/** The bytes of an answer, put where they stay as they come. */
async function bytesOf(
  answer: Response,
  total: number | undefined,
  hear: (received: number) => void,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(total ?? 1 << 20), received = 0;
  const reader = answer.body?.getReader(); // Safari cannot iterate over streams
  for (let next; reader && !(next = await reader.read()).done;) {
    const part = next.value;
    if (received + part.length > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, received + part.length));
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(part, received);
    hear(received += part.length);
  }
  return bytes.subarray(0, received);
}
