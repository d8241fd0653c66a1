/**
 * Where files of the Hugging Face hub lie on this machine: the layout of huggingface_hub, so that
 * its Python library and ours share what they downloaded.
 *
 * ```text
 * models--gpt2/
 *   blobs/<hash>                        the contents, named by their hash
 *   refs/main                           the commit that a revision's name stands for
 *   snapshots/<commit>/config.json      links into blobs
 * ```
 */
import { dirname, join, relative } from "node:path";

/** The kinds of repository that files are downloaded from. */
export type RepositoryType = "model" | "dataset";

/** A file of a repository. */
export interface HubFile {
  readonly repository: string;
  readonly path: string;
  readonly revision: string;
  readonly type: RepositoryType;
}

/** Says what is wrong with a file's name, before anything is done with it. */
export function checkHubFile({ repository, path, revision }: HubFile): void {
  const name = /^[A-Za-z0-9][\w.-]*$/;
  const parts = repository.split("/");
  if (parts.length > 2 || !parts.every((part) => name.test(part)) || repository.includes("--")) {
    throw new TypeError(
      `repository must be a name such as "gpt2" or "openai-community/gpt2", but was "${repository}".`,
    );
  }
  const steps = path.split("/");
  if (/[\\\0:]/.test(path) || steps.some((step) => ["", ".", ".."].includes(step))) {
    throw new TypeError(
      `file must be a path inside the repository such as "config.json", but was "${path}".`,
    );
  }
  if (
    !/^[\w./-]+$/.test(revision) || revision.split("/").some((s) => ["", ".", ".."].includes(s))
  ) {
    throw new TypeError(
      `revision must be a branch, a tag or a commit such as "main", but was "${revision}".`,
    );
  }
}

/** The cache's folder: `HF_HUB_CACHE`, or `hub` in `HF_HOME`, or `~/.cache/huggingface/hub`. */
export function defaultCacheDir(): string {
  const set = (name: string) => Deno.env.get(name) || undefined;
  const home = set("HF_HOME") ??
    join(
      set("XDG_CACHE_HOME") ?? join(set("HOME") ?? set("USERPROFILE") ?? ".", ".cache"),
      "huggingface",
    );
  return set("HF_HUB_CACHE") ?? join(home, "hub");
}

/** One repository's part of the cache. */
export class RepositoryCache {
  readonly #folder: string;

  constructor(cacheDir: string, { repository, type }: Pick<HubFile, "repository" | "type">) {
    this.#folder = join(cacheDir, `${type}s--${repository.replace("/", "--")}`);
  }

  /** Where the contents with this hash lie, once they are complete. */
  blob(hash: string): string {
    return join(this.#folder, "blobs", hash);
  }

  /** Where a file of a commit is found. */
  snapshot(commit: string, path: string): string {
    return join(this.#folder, "snapshots", commit, path);
  }

  /** The folder of all files of a commit. */
  snapshotFolder(commit: string): string {
    return join(this.#folder, "snapshots", commit);
  }

  /** The cached path of a file, or undefined if it is not there. */
  async find(revision: string, path: string): Promise<string | undefined> {
    const commit = await this.commitOf(revision);
    if (commit === undefined) return undefined;
    const found = this.snapshot(commit, path);
    return await exists(found) ? found : undefined;
  }

  /** The commit that a revision stood for when it was last asked, or undefined. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    try {
      return (await Deno.readTextFile(join(this.#folder, "refs", revision))).trim();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Remembers the commit that a revision stands for. */
  async rememberRevision(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = join(this.#folder, "refs", revision);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, commit);
  }

  /** Makes the contents with this hash a file of the commit, and returns its path. */
  async link(hash: string, commit: string, path: string): Promise<string> {
    const pointer = this.snapshot(commit, path);
    await Deno.mkdir(dirname(pointer), { recursive: true });
    try {
      await Deno.symlink(relative(dirname(pointer), this.blob(hash)), pointer);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) {
        if (await exists(pointer)) return pointer;
        // A link to contents that someone has deleted.
        await Deno.remove(pointer);
        return await this.link(hash, commit, path);
      }
      // Windows allows links to administrators only.
      await Deno.copyFile(this.blob(hash), pointer);
    }
    return pointer;
  }
}

/** Whether a revision is a commit's full hash, whose files never change. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Whether there is something at `path`, links followed. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
