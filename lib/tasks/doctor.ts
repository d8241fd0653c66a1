/**
 * `deno task doctor`: shows what this machine has, what is missing and how to get it. The exit code
 * is 1 if the notebooks cannot run here.
 */
import { openDevice } from "../gpu/adapter.ts";
import { formatBytes } from "../notebook/format_number.ts";
import { CHROMIUM_MISSING, findChromium } from "../report/chromium.ts";
import { driverAdvice, machineFacts, prepareEnvironment } from "./adapter.ts";
import { versionAdvice } from "./deno_version.ts";

/** Limits that decide what fits, with their unit. */
const LIMITS: [name: keyof GPUSupportedLimits, what: string, unit: "bytes" | "count"][] = [
  ["maxBufferSize", "largest buffer", "bytes"],
  ["maxStorageBufferBindingSize", "largest binding", "bytes"],
  ["maxStorageBuffersPerShaderStage", "buffers a kernel", "count"],
  ["maxComputeWorkgroupStorageSize", "workgroup memory", "bytes"],
  ["maxComputeInvocationsPerWorkgroup", "threads a workgroup", "count"],
  ["maxComputeWorkgroupsPerDimension", "workgroups a dimension", "count"],
];

/** First line that a program prints about its version; undefined if it cannot be run. */
async function version(program: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    if (!success) return undefined;
    const text = new TextDecoder().decode(stdout.length > 0 ? stdout : stderr);
    return text.trim().split("\n")[0];
  } catch {
    return undefined;
  }
}

function row(name: string, value: string): void {
  console.log(`  ${name.padEnd(24)}${value}`);
}

/** Shows the adapter; returns whether there is one that works. */
async function showAdapter(missing: string[]): Promise<boolean> {
  console.log("Adapter");
  let opened;
  try {
    opened = await openDevice();
  } catch (error) {
    row("found", "none");
    row("problem", (error as Error).message);
    missing.push(driverAdvice(machineFacts()).sentence);
    return false;
  }
  const { device, adapter, features, refused } = opened;
  row("name", adapter.description);
  row("kind", adapter.software ? "software: right results, no speed" : "hardware");
  for (const file of vulkanDrivers()) row("Vulkan driver", file);
  row("features granted", [...features].join(", ") || "none");
  if (refused.length > 0) row("features refused", refused.join(", "));
  for (const [name, what, unit] of LIMITS) {
    const limit = device.limits[name] as number;
    row(what, unit === "bytes" ? formatBytes(limit) : limit.toLocaleString("en-US"));
  }
  device.destroy();
  return true;
}

/** The drivers that the Vulkan loader would find, on Linux. */
function vulkanDrivers(): string[] {
  const found: string[] = [];
  for (const directory of ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]) {
    try {
      for (const { name } of Deno.readDirSync(directory)) found.push(`${directory}/${name}`);
    } catch {
      // Not Linux, or no driver there.
    }
  }
  return found.sort();
}

async function showVersions(missing: string[]): Promise<void> {
  const { deno, v8, typescript } = Deno.version;
  console.log("\nVersions");
  const advice = versionAdvice(deno);
  if (advice) missing.push(advice);
  row("Deno", `${deno} (V8 ${v8}, TypeScript ${typescript})`);
  row("system", `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`);
  row("processors", String(navigator.hardwareConcurrency));
  row("Node.js", await version("node", "--version") ?? "not installed");
  row("Python", await version("python3", "--version") ?? "not installed");
  const jupyter = await version("jupyter", "lab", "--version");
  row("JupyterLab", jupyter ?? "not installed");
  if (!jupyter) {
    missing.push(
      "To open the notebooks in Jupyter: python3 -m pip install jupyterlab, then deno task jupyter. " +
        "Reports and tests do not need it.",
    );
  } else if (!(await kernelInstalled())) {
    missing.push("Jupyter does not know the Deno kernel yet: deno task jupyter");
  }
  const chromium = await findChromium();
  row("Chromium", chromium ?? "not installed");
  if (!chromium) {
    missing.push(`To print pages and to test them in a browser: ${CHROMIUM_MISSING}`);
  }
}

async function kernelInstalled(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("jupyter", {
      args: ["kernelspec", "list", "--json"],
      stderr: "null",
    }).output();
    const { kernelspecs } = JSON.parse(new TextDecoder().decode(stdout));
    return "deno" in kernelspecs;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  prepareEnvironment();
  const missing: string[] = [];
  const works = await showAdapter(missing);
  await showVersions(missing);
  console.log(
    `\nMissing\n${missing.map((sentence) => `  ${sentence}\n`).join("") || "  nothing\n"}`,
  );
  console.log(
    works
      ? "The notebooks can run here: deno task report"
      : "The notebooks cannot run here: there is no adapter.",
  );
  Deno.exit(works ? 0 : 1);
}
