/**
 * Requests to the Hugging Face hub that bear with its moods.
 */

/** Thrown when the hub does not give what was asked for; the message says why and what to do. */
export class HubError extends Error {
  override name = "HubError";

  constructor(
    message: string,
    /** The HTTP status, or undefined if there was no answer. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Options of {@linkcode requestHub}. */
export interface HubRequestOptions {
  method: "GET" | "HEAD";
  /** How errors name what is asked for. */
  what: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent to the first host only. */
  token?: string;
  /** Whether redirects to other hosts are followed, or returned. */
  followToOtherHosts: boolean;
  /** How often a refusal for now (429, 5xx) or a broken connection is tried again. */
  retries: number;
  /** The longest wait between two tries, in milliseconds; a server that asks for more is refused. */
  maxWaitMs: number;
  /** How long to wait for the head of an answer, in milliseconds. */
  timeoutMs: number;
}

/**
 * Sends a request and returns an answer with a status below 400.
 *
 * @throws HubError for every other answer, or none
 */
export async function requestHub(url: string, options: HubRequestOptions): Promise<Response> {
  for (let attempt = 0;; attempt++) {
    let answer: Response | undefined;
    let failure: unknown;
    try {
      answer = await follow(url, options);
      if (answer.status < 400 || answer.status === 416) return answer;
    } catch (error) {
      if (error instanceof HubError) throw error;
      failure = error;
    }
    await answer?.body?.cancel();
    const transient = !answer || answer.status === 429 || answer.status >= 500;
    const wait = askedDelay(answer) ?? Math.min(options.maxWaitMs, 500 * 2 ** attempt);
    if (!transient || attempt >= options.retries || wait > options.maxWaitMs) {
      throw answer ? refusal(answer, wait, options) : unreachable(url, failure, options.what);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Follows redirects by hand, so that the token never travels to another host. */
async function follow(url: string, options: HubRequestOptions): Promise<Response> {
  const { method, headers, token, followToOtherHosts, timeoutMs } = options;
  const first = new URL(url);
  let target = first;
  for (let hops = 0; hops <= 10; hops++) {
    // The scheme counts, too: a token is not sent in the clear because a redirect says so.
    const same = target.origin === first.origin;
    // The signal ends the wait for the answer's head; a long body may take its time.
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(new Error(`no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    const answer = await fetch(target, {
      method,
      redirect: "manual",
      signal: abort.signal,
      headers: { ...headers, ...(token && same ? { Authorization: `Bearer ${token}` } : {}) },
    }).finally(() => clearTimeout(timer));
    const location = answer.headers.get("Location");
    if (answer.status < 300 || answer.status >= 400 || !location) return answer;
    const next = new URL(location, target);
    if (next.host !== first.host && !followToOtherHosts) return answer;
    await answer.body?.cancel();
    if (!/^https?:$/.test(next.protocol)) {
      throw new HubError(
        `The hub redirects to ${next} when asked for ${options.what}; expected https.`,
        answer.status,
      );
    }
    target = next;
  }
  throw new HubError(`The hub redirects in circles when asked for ${options.what}.`);
}

/** The milliseconds that `Retry-After` asks to wait, in seconds or as a date. */
function askedDelay(answer: Response | undefined): number | undefined {
  const asked = answer?.headers.get("Retry-After");
  if (!asked) return undefined;
  const seconds = Number(asked);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(asked) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : undefined;
}

function refusal(answer: Response, wait: number, { what, token }: HubRequestOptions): HubError {
  const { status } = answer;
  const code = answer.headers.get("X-Error-Code");
  if (status === 401 || status === 403 || code === "GatedRepo") {
    return new HubError(
      `The hub refuses ${what} (${status}): the repository is private, gated or does not exist. ` +
        (token
          ? "The token in use has no access to it."
          : "If it exists, set HF_TOKEN to a token with access to it."),
      status,
    );
  }
  if (status === 404) {
    const missing = code === "RepoNotFound"
      ? "there is no such repository"
      : code === "RevisionNotFound"
      ? "the repository has no such revision"
      : "the repository has no such file in this revision";
    return new HubError(`The hub does not have ${what} (404): ${missing}.`, status);
  }
  if (status === 429) {
    const seconds = Math.ceil(wait / 1000);
    return new HubError(
      `The hub has had too many requests and asks to wait ${seconds} s before asking for ${what} ` +
        "again (429).",
      status,
    );
  }
  return new HubError(`The hub answers ${status} when asked for ${what}.`, status);
}

function unreachable(url: string, failure: unknown, what: string): HubError {
  const reason = failure instanceof Error ? failure.message : String(failure);
  return new HubError(
    `${new URL(url).origin} cannot be reached for ${what} (${reason}). Nothing here needs the ` +
      "network by default: without it, use the generated data and models, or name a local folder. " +
      "HF_ENDPOINT chooses another server.",
    undefined,
    { cause: failure },
  );
}
