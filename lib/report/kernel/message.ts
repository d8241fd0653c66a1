import { createHmac, timingSafeEqual } from "node:crypto";

/** A message of Jupyter's wire protocol, version 5.3. */
export interface JupyterMessage {
  header: { msg_id: string; msg_type: string; session: string; [key: string]: unknown };
  /** The header of the request that this message answers; empty for messages out of the blue. */
  parent: { msg_id?: string; [key: string]: unknown };
  metadata: Record<string, unknown>;
  // deno-lint-ignore no-explicit-any -- each message type has its own content
  content: Record<string, any>;
}

/**
 * Turns messages into frames and back, signed with the key of the connection file.
 *
 * Source: "Messaging in Jupyter", the wire protocol: identities, a delimiter, an HMAC-SHA256 over
 * the four parts header, parent header, metadata and content, then these parts as JSON.
 */
export class MessageCodec {
  readonly session = crypto.randomUUID();
  #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  /** A new request with its own identity. */
  request(type: string, content: Record<string, unknown>): JupyterMessage {
    return {
      header: {
        msg_id: crypto.randomUUID(),
        msg_type: type,
        session: this.session,
        username: "cutloss",
        date: new Date().toISOString(),
        version: "5.3",
      },
      parent: {},
      metadata: {},
      content,
    };
  }

  encode(message: JupyterMessage): Uint8Array[] {
    const parts = [message.header, message.parent, message.metadata, message.content]
      .map((part) => utf8.encode(JSON.stringify(part)));
    return [utf8.encode(DELIMITER), utf8.encode(this.#sign(parts)), ...parts];
  }

  /** @throws Error if the frames are no message, or not signed with the key */
  decode(frames: Uint8Array[]): JupyterMessage {
    const delimiter = frames.findIndex((frame) =>
      frame.length === DELIMITER.length && text.decode(frame) === DELIMITER
    );
    const parts = frames.slice(delimiter + 2, delimiter + 6);
    if (delimiter < 0 || parts.length < 4) {
      throw new Error("The kernel sent frames that are no Jupyter message.");
    }
    const signature = frames[delimiter + 1], expected = utf8.encode(this.#sign(parts));
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new Error("The kernel sent a message with a wrong signature.");
    }
    const [header, parent, metadata, content] = parts.map((part) => JSON.parse(text.decode(part)));
    return { header, parent, metadata, content };
  }

  #sign(parts: Uint8Array[]): string {
    const hmac = createHmac("sha256", this.#key);
    for (const part of parts) hmac.update(part);
    return hmac.digest("hex");
  }
}

const DELIMITER = "<IDS|MSG>";
const utf8 = new TextEncoder();
const text = new TextDecoder();
