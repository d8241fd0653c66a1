/** The part of `Deno.jupyter` that is used here; it exists only in a notebook. */
export interface JupyterBroadcast {
  /** Publishes a message of Jupyter's protocol; resolves when it has been sent. */
  broadcast(
    type: string,
    content: Record<string, unknown>,
    extra?: { metadata?: Record<string, unknown> },
  ): Promise<void>;
}

/** `Deno.jupyter` in a notebook, undefined elsewhere (where Deno throws when it is asked for). */
export function jupyter(): JupyterBroadcast | undefined {
  try {
    return (Deno as unknown as { jupyter?: JupyterBroadcast }).jupyter;
  } catch {
    return undefined;
  }
}
