import { showUnhandledRejections } from "../../notebook/rejections.ts";

/**
 * What runs inside a kernel that {@link DenoKernel} started, before the first cell.
 *
 * It shows rejections that nobody handles, ends the kernel should its parent be killed before it
 * could do so, and sends large outputs through files.
 */
export function prepare(outbox: string): void {
  showUnhandledRejections();
  endWithParent(outbox);
  sendLargeOutputsThroughFiles(outbox);
}

/** The key of a published message whose content lies in a file. */
export const FILE_KEY = "cutloss_content_file";

/** Contents of more characters than this take the way through a file. */
const LARGE = 65_536;

function endWithParent(outbox: string): void {
  const parent = Deno.ppid;
  const timer = setInterval(() => {
    if (Deno.ppid === parent) return;
    Deno.removeSync(outbox, { recursive: true });
    Deno.exit(0);
  }, 1000);
  Deno.unrefTimer(timer as unknown as number);
}

// deno-lint-ignore no-explicit-any -- the interface of Deno.jupyter, which has no stable types
type Jupyter = Record<string, (...args: any[]) => Promise<any>>;

/**
 * The kernel's ZeroMQ library can lose part of a message that its peer does not take up at once
 * (seen with 6 MB, and damaging what follows), so large contents go through a file and the message
 * only names it.
 */
function sendLargeOutputsThroughFiles(outbox: string): void {
  const jupyter = (Deno as unknown as { jupyter: Jupyter }).jupyter;
  const { broadcast, format } = jupyter;
  jupyter.broadcast = (type, content, extra) => {
    const json = JSON.stringify(content ?? {});
    if (json.length <= LARGE) return broadcast(type, content, extra);
    const file = `${outbox}/${crypto.randomUUID()}.json`;
    Deno.writeTextFileSync(file, json); // not awaited, so that messages keep their order
    return broadcast(type, { [FILE_KEY]: file }, extra);
  };
  jupyter.display = async (object, options = {}) => {
    const data = options.raw ? object : await format(object);
    const transient = options.display_id ? { display_id: options.display_id } : {};
    const type = options.update ? "update_display_data" : "display_data";
    await jupyter.broadcast(type, { data, metadata: {}, transient });
  };
}
