import { FILE_KEY } from "./inside.ts";
import { type JupyterMessage, MessageCodec } from "./message.ts";
import { freePorts, HOST, type Ports } from "./ports.ts";
import { settlesWithin } from "./wait.ts";
import { ZmtpSocket } from "./zmtp.ts";

/** How a request to execute code ended. */
export interface ExecutionReply {
  status: "ok" | "error" | "aborted";
  executionCount: number | null;
  /** For status "error": name and message of what was thrown, and its stack line by line. */
  error?: { name: string; value: string; traceback: string[] };
}

/** The kernel's process ended although it was needed. */
export class KernelDiedError extends Error {
  override name = "KernelDiedError";
  constructor(readonly code: number, readonly signal: string | null, readonly stderr: string) {
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
    const said = stderr.split("\n").filter((line) => !line.includes('"deno jupyter" is unstable'));
    super(`The Deno kernel ${how}.\n${said.join("\n")}`.trim());
  }
}

/** Options of {@link DenoKernel.start}. */
export interface KernelOptions {
  /** The folder in which cells run; relative imports start here. */
  cwd: string;
  /** Variables added to the environment. */
  env?: Record<string, string>;
}

/** Options of {@link DenoKernel.execute}. */
export interface ExecuteOptions {
  /** Runs without counting up and without saying which code runs. */
  silent?: boolean;
  /** Called for everything that the kernel publishes while the code runs. */
  onMessage?: (message: JupyterMessage) => void;
}

/**
 * A Deno kernel for Jupyter in a process of its own, spoken to over ZeroMQ on this machine.
 *
 * ```ts ignore
 * await using kernel = await DenoKernel.start({ cwd: "notebooks" });
 * const reply = await kernel.execute("1 + 1", { onMessage: console.log });
 * ```
 *
 * Every wait ends with a {@link KernelDiedError} when the process ends. Timeouts are the caller's:
 * call `kill()`, and the pending request rejects.
 */
export class DenoKernel implements AsyncDisposable {
  #process: Deno.ChildProcess;
  #codec: MessageCodec;
  #shell!: ZmtpSocket;
  #control!: ZmtpSocket;
  #published!: ZmtpSocket;
  #stderr = "";
  #closing = false;
  #died: Promise<never>;
  #replies = new Map<string, (message: JupyterMessage) => void>();
  #idle = new Map<string, () => void>();
  #sentinels = new Map<string, () => void>();
  #listener: ((message: JupyterMessage) => void) | undefined;
  /** Where the kernel leaves large outputs; see inside.ts. */
  #outbox: string;

  private constructor(process: Deno.ChildProcess, codec: MessageCodec, outbox: string) {
    this.#process = process;
    this.#outbox = outbox;
    this.#codec = codec;
    const errors = this.#keepStderr(process.stderr);
    this.#died = process.status.then(async (status) => {
      this.#shell?.close();
      this.#control?.close();
      this.#published?.close();
      await settlesWithin(500, errors); // a grandchild may hold the pipe open
      throw new KernelDiedError(status.code, status.signal, this.#stderr);
    });
    this.#died.catch(() => {}); // not unhandled when nobody waits
  }

  /** Starts a kernel and returns when it answers; takes about half a second. */
  static async start(options: KernelOptions): Promise<DenoKernel> {
    for (let attempt = 1;; attempt++) {
      try {
        return await DenoKernel.#startOnce(options);
      } catch (error) { // perhaps another program took one of the ports
        if (attempt === 3 || !(error instanceof KernelDiedError)) throw error;
      }
    }
  }

  static async #startOnce(options: KernelOptions): Promise<DenoKernel> {
    const key = crypto.randomUUID();
    const ports = freePorts();
    const folder = await Deno.makeTempDir({ prefix: "cutloss-kernel-" });
    let kernel: DenoKernel | undefined;
    try {
      const connectionFile = `${folder}/connection.json`;
      const connection = { transport: "tcp", ip: HOST, key, signature_scheme: "hmac-sha256" };
      await Deno.writeTextFile(connectionFile, JSON.stringify({ ...connection, ...ports }));
      const process = new Deno.Command(Deno.execPath(), {
        args: ["jupyter", "--kernel", "--conn", connectionFile],
        cwd: options.cwd,
        env: { NO_COLOR: "1", ...options.env },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      kernel = new DenoKernel(process, new MessageCodec(key), folder);
      await kernel.#connect(ports);
      await kernel.#prepare();
      return kernel;
    } catch (error) {
      if (kernel) await kernel.kill();
      else await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** The identity of the kernel's process. */
  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Executes code and resolves when it has ended and all that it printed has arrived.
   *
   * The Deno kernel reports the end of a request before late output, and stamps late output with
   * the next request. So a second, silent request broadcasts a sentinel down the same queue, and
   * all that arrives before it belongs to this code.
   */
  async execute(code: string, options: ExecuteOptions = {}): Promise<ExecutionReply> {
    this.#listener = options.onMessage;
    try {
      const silent = options.silent ?? false;
      const { content } = await this.#ask("execute_request", executeRequest(code, silent));
      await this.#flush();
      return {
        status: content.status,
        executionCount: content.execution_count ?? null,
        ...content.status === "error" && {
          error: { name: content.ename, value: content.evalue, traceback: content.traceback },
        },
      };
    } finally {
      this.#listener = undefined;
    }
  }

  /** Interrupts the running cell as Jupyter does: by SIGINT. */
  interrupt(): void {
    this.#process.kill("SIGINT");
  }

  /** Ends the process at once; pending requests reject with KernelDiedError. */
  async kill(): Promise<void> {
    this.#closing = true;
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended already */ }
    await this.#died.catch(() => {});
    await Deno.remove(this.#outbox, { recursive: true }).catch(() => {}); // perhaps gone already
  }

  /** Asks the kernel to end, and ends it if it does not within two seconds. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      const farewell = this.#codec.request("shutdown_request", { restart: false });
      this.#control.send(this.#codec.encode(farewell)).catch(() => {});
      await settlesWithin(2000, this.#died);
    }
    await this.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #connect(ports: Ports): Promise<void> {
    const open = async (port: number, type: "DEALER" | "SUB"): Promise<ZmtpSocket> => {
      for (let attempt = 0;; attempt++) { // the kernel listens some 200 ms after it starts
        try {
          return await ZmtpSocket.connect({ hostname: HOST, port }, type);
        } catch (error) {
          if (!(error instanceof Deno.errors.ConnectionRefused) || attempt >= 2400) throw error;
          if (await settlesWithin(50, this.#died)) await this.#died;
        }
      }
    };
    this.#shell = await open(ports.shell_port, "DEALER");
    this.#control = await open(ports.control_port, "DEALER");
    this.#published = await open(ports.iopub_port, "SUB");
    this.#listen(
      this.#shell,
      (message) => this.#replies.get(message.parent.msg_id ?? "")?.(message),
    );
    this.#listen(this.#published, (message) => this.#onPublished(message));
    this.#listen(this.#control, () => {});
    // A subscription takes effect a moment after it is sent: ask until an answer arrives there too.
    const answers: Promise<JupyterMessage>[] = [];
    while (answers.length < 400) {
      answers.push(this.#ask("kernel_info_request", {}));
      const answer = Promise.any(answers);
      answer.catch(() => {});
      if (await settlesWithin(300, answer)) {
        // All of them rejected: the process has ended.
        return void await answer.catch(() => this.#died);
      }
    }
    throw new Error("The Deno kernel started but did not answer within two minutes.");
  }

  async #prepare(): Promise<void> {
    const inside = JSON.stringify(import.meta.resolve("./inside.ts"));
    const code = `(await import(${inside})).prepare(${JSON.stringify(this.#outbox)})`;
    const reply = await this.execute(code, { silent: true });
    if (reply.status === "ok") return;
    throw new Error(`The kernel could not be prepared: ${reply.error?.traceback.join("\n")}`);
  }

  /** Sends a request and waits for its reply and for the kernel to be idle after it. */
  async #ask(type: string, content: Record<string, unknown>): Promise<JupyterMessage> {
    const request = this.#codec.request(type, content);
    const id = request.header.msg_id;
    const reply = new Promise<JupyterMessage>((resolve) => this.#replies.set(id, resolve));
    const idle = new Promise<void>((resolve) => this.#idle.set(id, resolve));
    try {
      await Promise.race([this.#shell.send(this.#codec.encode(request)), this.#died]);
      const [answer] = await Promise.race([Promise.all([reply, idle]), this.#died]);
      return answer;
    } finally {
      this.#replies.delete(id);
      this.#idle.delete(id);
    }
  }

  /** Resolves when all output of earlier requests has arrived. */
  async #flush(): Promise<void> {
    const id = crypto.randomUUID();
    const seen = new Promise<void>((resolve) => this.#sentinels.set(id, resolve));
    const code = `void Deno.jupyter.broadcast("${SENTINEL}", { id: "${id}" })`;
    await this.#ask("execute_request", executeRequest(code, true));
    await Promise.race([seen, this.#died]);
    this.#sentinels.delete(id);
  }

  #onPublished(message: JupyterMessage): void {
    const type = message.header.msg_type;
    if (type === SENTINEL) this.#sentinels.get(message.content.id)?.();
    else if (type === "status") {
      if (message.content.execution_state === "idle") {
        this.#idle.get(message.parent.msg_id ?? "")?.();
      }
    } else if (this.#listener) {
      const file = message.content[FILE_KEY];
      if (typeof file === "string" && file.startsWith(this.#outbox)) {
        message.content = JSON.parse(Deno.readTextFileSync(file));
        Deno.removeSync(file);
      }
      this.#listener(message);
    }
  }

  async #listen(socket: ZmtpSocket, onMessage: (message: JupyterMessage) => void): Promise<void> {
    try {
      for await (const frames of socket.messages()) onMessage(this.#codec.decode(frames));
    } catch (error) {
      // Without this connection no wait could end: end the process, and with it every wait.
      this.#stderr += `\n${error instanceof Error ? error.message : error}`;
      await this.kill();
    }
  }

  async #keepStderr(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#stderr = (this.#stderr + decoder.decode(chunk, { stream: true })).slice(-4000);
    }
  }
}

const SENTINEL = "cutloss_sentinel";

function executeRequest(code: string, silent: boolean): Record<string, unknown> {
  return {
    code,
    silent,
    store_history: !silent,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: false,
  };
}
