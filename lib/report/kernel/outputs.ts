import type { MimeBundle, NotebookOutput } from "../nbformat.ts";
import { splitLines } from "../notebook_file.ts";
import type { JupyterMessage } from "./message.ts";

/**
 * Collects what a kernel publishes into outputs as a notebook stores them.
 *
 * One collector serves a whole notebook, because a display may be updated by a later cell.
 * Source: nbformat 4.5, "Code cell outputs", and nbclient's handling of messages.
 */
export class OutputCollector {
  #outputs: NotebookOutput[] = [];
  #clearAtNext = false;
  #displays = new Map<string, NotebookOutput[]>();
  /** Pieces of the last stream, joined when the cell ends: joining each time would be quadratic. */
  #stream: { name: "stdout" | "stderr"; pieces: string[] } | undefined;

  /** Starts a new cell. */
  begin(): void {
    this.#outputs = [];
    this.#clearAtNext = false;
    this.#stream = undefined;
  }

  /** Returns the outputs of the cell, which later display updates still change. */
  end(): NotebookOutput[] {
    this.#endStream();
    return this.#outputs;
  }

  /** Takes one published message; those that are no output are passed over. */
  add(message: JupyterMessage): void {
    const { header: { msg_type: type }, content } = message;
    if (type === "update_display_data") {
      for (const output of this.#displays.get(content.transient?.display_id) ?? []) {
        output.data = storedBundle(content.data);
        output.metadata = content.metadata ?? {};
      }
      return;
    }
    if (type === "clear_output") {
      if (content.wait) this.#clearAtNext = true;
      else this.#clear();
      return;
    }
    if (!["stream", "display_data", "execute_result", "error"].includes(type)) return;
    if (this.#clearAtNext) this.#clear();
    if (type === "stream") return this.#addStream(content.name, content.text);
    this.#endStream();
    if (type === "error") {
      const { ename, evalue, traceback } = content;
      this.#outputs.push({ output_type: "error", ename, evalue, traceback });
    } else if (type === "execute_result") {
      this.#outputs.push({
        output_type: "execute_result",
        execution_count: content.execution_count,
        data: storedBundle(content.data),
        metadata: content.metadata ?? {},
      });
    } else {
      const output = {
        output_type: "display_data" as const,
        data: storedBundle(content.data),
        metadata: content.metadata ?? {},
      };
      this.#outputs.push(output);
      const id = content.transient?.display_id;
      if (id) this.#displays.set(id, [...this.#displays.get(id) ?? [], output]);
    }
  }

  #clear(): void {
    this.#outputs.length = 0;
    this.#stream = undefined;
    this.#clearAtNext = false;
  }

  #addStream(name: "stdout" | "stderr", text: string): void {
    if (this.#stream?.name !== name) {
      this.#endStream();
      this.#stream = { name, pieces: [] };
    }
    this.#stream.pieces.push(text);
  }

  #endStream(): void {
    if (!this.#stream) return;
    const { name, pieces } = this.#stream;
    this.#outputs.push({ output_type: "stream", name, text: splitLines(pieces.join("")) });
    this.#stream = undefined;
  }
}

/** Text is stored as lines; base64 and JSON stay whole, as nbformat's schema wants them. */
function storedBundle(data: MimeBundle): MimeBundle {
  return Object.fromEntries(
    Object.entries(data).map(([mime, value]) => {
      const isText = typeof value === "string" &&
        (mime.startsWith("text/") || mime === "image/svg+xml");
      return [mime, isText ? splitLines(value) : value];
    }),
  );
}
