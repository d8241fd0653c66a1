/**
 * A signal that is aborted by Ctrl-C, and by SIGTERM where there is one, which clusters send. Until
 * it is disposed of, these do not end the process by themselves.
 */
export function stopSignal(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error("Stopped."));
  const names: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) Deno.addSignalListener(name, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of names) Deno.removeSignalListener(name, stop);
    },
  };
}
