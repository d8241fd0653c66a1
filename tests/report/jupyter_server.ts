import type { Python } from "./python.ts";

/** A running Jupyter; disposing ends it with its kernels. */
export interface JupyterServer extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  url: string;
  /** What every request needs as `?token=`. */
  token: string;
}

/**
 * Starts a Jupyter server on a free port, which saves nothing by itself.
 *
 * @param program "jupyter-lab" or "jupyter-notebook"
 * @param folder what it shows
 */
export async function startJupyter(
  python: Python,
  program: "jupyter-lab" | "jupyter-notebook",
  folder: string,
): Promise<JupyterServer> {
  for (let attempt = 1;; attempt++) {
    const server = await startOnce(python, program, folder);
    if (server) return server;
    // Perhaps another program took the port before it did.
    if (attempt === 3) throw new Error(`${program} ended before it answered, three times.`);
  }
}

/** Undefined if the program ended before it answered. */
async function startOnce(
  python: Python,
  program: string,
  folder: string,
): Promise<JupyterServer | undefined> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  listener.close();
  const token = crypto.randomUUID();
  const process = new Deno.Command(python.program(program), {
    args: [
      ...["--no-browser", "--allow-root", "--ip=127.0.0.1", `--port=${port}`, "--port-retries=0"],
      ...[`--IdentityProvider.token=${token}`, `--ServerApp.root_dir=${folder}`],
      "--LabApp.news_url=None",
    ],
    env: python.env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  process.status.then(() => ended = true);
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0;; attempt++) {
    if (ended) return undefined;
    const signal = AbortSignal.timeout(60_000);
    const answer = await fetch(`${url}/api/status?token=${token}`, { signal })
      .catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) break;
    if (attempt > 1500) throw new Error(`${program} did not answer within five minutes.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url,
    token,
    async [Symbol.asyncDispose]() {
      const signal = AbortSignal.timeout(5000); // it may wait for a kernel that is just starting
      await fetch(`${url}/api/shutdown?token=${token}`, { method: "POST", signal })
        .then((answer) => answer.body?.cancel()).catch(() => {});
      const timers = [setTimeout(() => process.kill("SIGTERM"), 5000)];
      timers.push(setTimeout(() => process.kill("SIGKILL"), 15_000));
      await process.status;
      timers.forEach(clearTimeout);
    },
  };
}
