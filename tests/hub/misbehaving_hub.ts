/**
 * A hub on 127.0.0.1 that answers as it is told, down to the last byte: it writes HTTP by hand, so
 * that it can lie about lengths and hang up in the middle of a sentence.
 */

/** A request as the hub sees it. */
export interface HubRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the hub answers. */
export interface HubAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array;
  /** Waits so long before answering, in milliseconds. */
  readonly delayMs?: number;
}

/** A running hub; `await using` ends it. */
export class MisbehavingHub implements AsyncDisposable {
  /** Every request so far. */
  readonly requests: HubRequest[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #done: Promise<void>;
  #closed = false;

  /** @param answer decides what happens; the second argument counts the requests before this one */
  constructor(answer: (request: HubRequest, count: number) => HubAnswer) {
    this.#done = this.#serve(answer);
  }

  /** The hub's address. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch { /* It has just been closed by itself. */ }
    }
    await this.#done;
  }

  async #serve(answer: (request: HubRequest, count: number) => HubAnswer): Promise<void> {
    const handled: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        this.#connections.add(connection);
        handled.push(
          this.#handle(connection, answer).catch(() => {}).finally(() => {
            this.#connections.delete(connection);
            try {
              connection.close();
            } catch { /* Closed when the hub was disposed of. */ }
          }),
        );
      }
    } catch { /* The listener was closed. */ }
    await Promise.all(handled);
  }

  async #handle(
    connection: Deno.Conn,
    answer: (request: HubRequest, count: number) => HubAnswer,
  ): Promise<void> {
    let head = "";
    const chunk = new Uint8Array(4096);
    while (!head.includes("\r\n\r\n")) {
      const n = await connection.read(chunk);
      if (n === null) return;
      head += new TextDecoder().decode(chunk.subarray(0, n));
    }
    const [first, ...lines] = head.split("\r\n\r\n")[0].split("\r\n");
    const [method, path] = first.split(" ");
    const headers = Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const request = { method, path, headers };
    const { status, headers: sent = {}, body = new Uint8Array(), delayMs = 0 } = answer(
      request,
      this.requests.length,
    );
    this.requests.push(request);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const length = "Content-Length" in sent ? {} : { "Content-Length": body.length };
    const all = Object.entries({ ...length, ...sent, Connection: "close" });
    const text = `HTTP/1.1 ${status} Whatever\r\n${
      all.map(([name, value]) => `${name}: ${value}\r\n`).join("")
    }\r\n`;
    const bytes = new Uint8Array([
      ...new TextEncoder().encode(text),
      ...(method === "HEAD" ? [] : body),
    ]);
    for (let written = 0; written < bytes.length;) {
      written += await connection.write(bytes.subarray(written));
    }
  }
}
