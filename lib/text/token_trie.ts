import { PairTable } from "./pair_table.ts";

/**
 * Finds the longest token that a text goes on with, reading each character once: a tree in which
 * every edge is a UTF-16 unit, kept as a table of (node, unit) pairs.
 */
export class TokenTrie {
  /** Where the last match ended. */
  end = 0;
  /** Edge number e leads to node e + 1; node 0 is the root. */
  readonly #edges = new PairTable();
  readonly #idOfNode: (number | undefined)[] = [];

  add(token: string, id: number): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      node = this.#edges.intern(node, token.charCodeAt(i)) + 1;
    }
    this.#idOfNode[node] = id;
  }

  /** The id of the longest token that `units[start … limit]` begins with, or −1. */
  match(units: Uint16Array, start: number, limit: number): number {
    let node = 0, id = -1;
    for (let at = start; at < limit; at++) {
      node = this.#edges.find(node, units[at]) + 1;
      if (node === 0) break;
      const found = this.#idOfNode[node];
      if (found === undefined) continue;
      id = found;
      this.end = at + 1;
    }
    return id;
  }
}
