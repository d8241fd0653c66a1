import { ByteStream } from "./byte_stream.ts";

/**
 * One client connection that speaks ZMTP 3.0, the wire protocol of ZeroMQ, over TCP.
 *
 * Enough to talk to one Jupyter kernel on this machine: the NULL security mechanism and the socket
 * types DEALER (requests and replies) and SUB (all of what is published). Written here, because the
 * ZeroMQ package for Node is a native addon, and its subset needed here is small.
 *
 * Source: the ZeroMQ RFC 23/ZMTP 3.0 (greeting, section 3.1; framing, 3.2; commands, 3.3).
 */
export class ZmtpSocket {
  #connection: Deno.TcpConn;
  #bytes: ByteStream;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#bytes = new ByteStream(connection);
  }

  /**
   * Connects and shakes hands.
   *
   * @param address where the peer listens; whoever starts the peer waits until it does
   * @param type DEALER to send and receive, SUB to receive everything that is published
   * @throws Deno.errors.ConnectionRefused if nobody listens, Error if the peer speaks no ZMTP 3
   */
  static async connect(
    address: { hostname: string; port: number },
    type: "DEALER" | "SUB",
  ): Promise<ZmtpSocket> {
    const connection = await Deno.connect(address);
    connection.setNoDelay(true);
    const socket = new ZmtpSocket(connection);
    try {
      await socket.#shakeHands(type);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  async #shakeHands(type: "DEALER" | "SUB"): Promise<void> {
    await this.#write(greeting());
    const theirs = await this.#bytes.take(GREETING_SIZE);
    if (theirs === null || theirs[0] !== 0xff || theirs[9] !== 0x7f || theirs[10] < 3) {
      throw new Error("The peer does not speak ZMTP 3: its greeting was not understood.");
    }
    const mechanism = text(theirs.subarray(12, 32)).replace(/\0+$/, "");
    if (mechanism !== "NULL") {
      throw new Error(`The peer asks for the security mechanism ${mechanism}; expected NULL.`);
    }
    await this.#writeFrame(COMMAND, ready(type));
    const answer = await this.#readFrame();
    const name = answer && text(answer.body.subarray(1, 1 + answer.body[0]));
    if (!answer || !(answer.flags & COMMAND) || name !== "READY") {
      throw new Error(`The peer answered the handshake with ${name ?? "nothing"}; expected READY.`);
    }
    if (type === "SUB") await this.#writeFrame(0, new Uint8Array([SUBSCRIBE]));
  }

  /** Sends one message of one or more frames. Messages are sent in the order of the calls. */
  async send(frames: Uint8Array[]): Promise<void> {
    const writes = frames.map((frame, i) =>
      this.#writeFrame(i < frames.length - 1 ? MORE : 0, frame)
    );
    await Promise.all(writes);
  }

  /** The messages that arrive, each as its frames, until the connection closes. */
  async *messages(): AsyncGenerator<Uint8Array<ArrayBuffer>[]> {
    let frames: Uint8Array<ArrayBuffer>[] = [];
    while (true) {
      let frame;
      try {
        frame = await this.#readFrame();
      } catch (error) {
        if (this.#closed || error instanceof Deno.errors.ConnectionReset) return;
        throw error;
      }
      if (frame === null) return;
      if (frame.flags & COMMAND) continue;
      frames.push(frame.body);
      if (!(frame.flags & MORE)) {
        yield frames;
        frames = [];
      }
    }
  }

  /** Closes the connection; `messages` ends. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  #writeFrame(flags: number, body: Uint8Array): Promise<void> {
    const long = body.length > 255;
    const frame = new Uint8Array((long ? 9 : 2) + body.length);
    frame[0] = flags | (long ? LONG : 0);
    if (long) new DataView(frame.buffer).setBigUint64(1, BigInt(body.length));
    else frame[1] = body.length;
    frame.set(body, long ? 9 : 2);
    return this.#write(frame);
  }

  /** Queues bytes behind those still being written. */
  #write(bytes: Uint8Array): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      for (let sent = 0; sent < bytes.length;) {
        sent += await this.#connection.write(bytes.subarray(sent));
      }
    });
    return this.#writing;
  }

  async #readFrame(): Promise<{ flags: number; body: Uint8Array<ArrayBuffer> } | null> {
    const flags = await this.#bytes.take(1);
    if (flags === null) return null;
    const size = await this.#bytes.take(flags[0] & LONG ? 8 : 1);
    if (size === null) return null;
    const length = size.length === 1 ? size[0] : Number(new DataView(size.buffer).getBigUint64(0));
    const body = await this.#bytes.take(length);
    return body === null ? null : { flags: flags[0], body };
  }
}

const GREETING_SIZE = 64;
const MORE = 1, LONG = 2, COMMAND = 4;
const SUBSCRIBE = 1;

/** Signature, version 3.0, mechanism NULL, as a client. */
function greeting(): Uint8Array {
  const bytes = new Uint8Array(GREETING_SIZE);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.set(new TextEncoder().encode("NULL"), 12);
  return bytes;
}

/** The READY command with the property Socket-Type. */
function ready(type: string): Uint8Array {
  const property = (name: string, value: string) => [
    ...[name.length, ...new TextEncoder().encode(name)],
    ...[0, 0, 0, value.length, ...new TextEncoder().encode(value)],
  ];
  return new Uint8Array([
    ...[5, ...new TextEncoder().encode("READY")],
    ...property("Socket-Type", type),
  ]);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
