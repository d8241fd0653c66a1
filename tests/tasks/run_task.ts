import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The Vulkan loader finds no driver where there is none, and none is installed for its sake. */
const NO_ADAPTER = {
  VK_DRIVER_FILES: "/nonexistent",
  VK_ICD_FILENAMES: "/nonexistent",
  CUTLOSS_DRIVER_INSTALLED: "1",
  NO_COLOR: "1",
};

/**
 * Runs a task to its end where there is no adapter.
 *
 * @param args the file of the task, such as "lib/tasks/report.ts", and its arguments
 * @param onOutput sees what it has printed so far
 */
export async function runTask(
  args: string[],
  onOutput: (text: string, process: Deno.ChildProcess) => void = () => {},
): Promise<{ code: number; printed: string; complaint: string }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...args],
    cwd: ROOT,
    env: NO_ADAPTER,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaint = new Response(process.stderr).text();
  let printed = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    onOutput(printed += text, process);
  }
  const { code } = await process.status;
  return { code, printed, complaint: await complaint };
}
