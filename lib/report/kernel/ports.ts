/** Where a kernel listens. */
export const HOST = "127.0.0.1";

const PORT_NAMES = ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"] as const;

/** A kernel's ports, by their names in a connection file. */
export type Ports = Record<typeof PORT_NAMES[number], number>;

/** Ports that are free now: all are held until the last is found, so that they differ. */
export function freePorts(): Ports {
  const listeners = PORT_NAMES.map(() => Deno.listen({ hostname: HOST, port: 0 }));
  const ports = listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return Object.fromEntries(PORT_NAMES.map((name, i) => [name, ports[i]])) as Ports;
}
