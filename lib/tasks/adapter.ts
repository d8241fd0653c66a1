import { joinText, type NotebookFile } from "../report/nbformat.ts";
import { versionAdvice } from "./deno_version.ts";

/** What a machine without an adapter needs. */
export interface DriverAdvice {
  /** The command that installs a driver, one word an entry, for systems where one command does. */
  install?: string[];
  /** What to do, as a sentence that ends with the command to type where there is one. */
  sentence: string;
}

/** What `driverAdvice` needs to know about a machine. */
export interface MachineFacts {
  os: typeof Deno.build.os;
  /** Content of /etc/os-release; empty where there is none. */
  osRelease?: string;
  root?: boolean;
}

/** Set in the process that runs after a driver was installed, so that it is not tried twice. */
const TRIED = "CUTLOSS_DRIVER_INSTALLED";

const APT = ["apt-get", "install", "-y", "--no-install-recommends", "mesa-vulkan-drivers"];

/** Package managers by the family of the Linux distribution. */
const LINUX_COMMANDS: [family: RegExp, command: string[]][] = [
  [/\b(debian|ubuntu)\b/, [...APT, "libvulkan1"]],
  [/\b(fedora|rhel|centos)\b/, ["dnf", "install", "-y", "mesa-vulkan-drivers", "vulkan-loader"]],
  [/\barch\b/, ["pacman", "-S", "--needed", "vulkan-swrast", "vulkan-icd-loader"]],
  [/\b(suse|opensuse)\b/, ["zypper", "install", "-y", "libvulkan_lvp", "libvulkan1"]],
];

/** Says how to get a driver for WebGPU on a machine. */
export function driverAdvice({ os, osRelease = "", root = false }: MachineFacts): DriverAdvice {
  if (os === "darwin") {
    return {
      sentence: "No WebGPU adapter was found. On a Mac the driver (Metal) is part of macOS: " +
        "update macOS, and run outside of a virtual machine that hides the GPU.",
    };
  }
  if (os === "windows") {
    return {
      sentence: "No WebGPU adapter was found. On Windows the driver (Direct3D 12) comes with the " +
        "graphics driver: install the current one of your GPU's maker, or all Windows updates.",
    };
  }
  const families = [...osRelease.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map((match) => match[1]).join(
    " ",
  );
  const command = LINUX_COMMANDS.find(([family]) => family.test(families))?.[1];
  if (!command) {
    return {
      sentence:
        "No WebGPU adapter was found. Install your GPU's Vulkan driver, or Mesa's software " +
        "driver (lavapipe), and the Vulkan loader (libvulkan).",
    };
  }
  const typed = `${root ? "" : "sudo "}${command.join(" ")}`;
  return {
    install: command,
    sentence: "No WebGPU adapter was found. Install a Vulkan driver: your GPU's own, or Mesa's " +
      `software driver, which every machine can run:\n\n    ${typed}`,
  };
}

/** Facts about this machine. */
export function machineFacts(): MachineFacts {
  let osRelease = "";
  try {
    osRelease = Deno.readTextFileSync("/etc/os-release");
  } catch {
    // Not Linux, or an unusual one: the advice is then general.
  }
  const root = Deno.build.os !== "windows" && Deno.uid() === 0;
  return { os: Deno.build.os, osRelease, root };
}

/**
 * Settings for this process and those that it starts, to be made before the first look for an
 * adapter. On Linux only Vulkan counts: where there is OpenGL and no Vulkan, Deno would offer an
 * OpenGL adapter, which can do less. And drivers complain where there is no runtime directory.
 */
export function prepareEnvironment(): void {
  if (Deno.build.os !== "linux") return;
  if (!Deno.env.has("DENO_WEBGPU_BACKEND")) Deno.env.set("DENO_WEBGPU_BACKEND", "vulkan");
  if (!Deno.env.has("XDG_RUNTIME_DIR")) {
    Deno.env.set("XDG_RUNTIME_DIR", Deno.env.get("TMPDIR") ?? "/tmp");
  }
}

/** Whether a cell of a notebook opens the GPU. */
export function usesGpu({ cells }: NotebookFile): boolean {
  return cells.some((cell) =>
    cell.cell_type === "code" && joinText(cell.source).includes("Gpu.open(")
  );
}

function adviseOnVersion(): void {
  const advice = versionAdvice(Deno.version.deno);
  if (advice) console.error(`${advice}\n`);
}

/**
 * Makes sure that there is a WebGPU adapter if one of these notebooks needs it, as
 * {@link ensureAdapter} does; undefined if none does.
 */
export async function ensureAdapterFor(
  notebooks: readonly NotebookFile[],
): Promise<GPUAdapterInfo | undefined> {
  if (notebooks.some(usesGpu)) return await ensureAdapter();
  adviseOnVersion();
  prepareEnvironment();
}

/**
 * Makes sure that there is a WebGPU adapter. Without one on Debian or Ubuntu, as root, it installs
 * Mesa's software driver, says so, and runs this command again in a new process, since a process
 * looks for drivers only once; it then exits with that process's code. Elsewhere it prints what to
 * type and exits with code 1. A Deno of another version than ours is told first.
 */
export async function ensureAdapter(): Promise<GPUAdapterInfo> {
  adviseOnVersion();
  prepareEnvironment();
  const adapter = await navigator.gpu?.requestAdapter();
  if (adapter) return adapter.info;
  const facts = machineFacts();
  const { install, sentence } = driverAdvice(facts);
  const canInstall = facts.root && install?.[0] === "apt-get" && !Deno.env.has(TRIED);
  if (!canInstall) {
    if (Deno.env.has(TRIED)) console.error("The driver was installed, and yet:");
    console.error(sentence);
    Deno.exit(1);
  }
  console.log(`No Vulkan driver was found. Installing Mesa's software driver:\n`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  for (const command of [["apt-get", "update", "-qq"], [...install, "-qq"]]) {
    console.log(`    ${command.join(" ")}`);
    const { success } = await new Deno.Command(command[0], {
      args: command.slice(1),
      env,
      stdout: "null",
    }).output();
    // An update fails when one of several sources is out of reach; the install then tells.
    if (!success && command[1] === "install") {
      console.error(`\nThat did not work. ${sentence}`);
      Deno.exit(1);
    }
  }
  console.log("");
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", Deno.mainModule, ...Deno.args],
    env: { [TRIED]: "1" },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  Deno.exit(code);
}
