import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../.cache/", import.meta.url));
const REQUIREMENTS = fileURLToPath(new URL("requirements.txt", import.meta.url));

/** A Python with Jupyter in it. */
export interface Python {
  /** Path of a program of the environment, such as "python" or "jupyter-lab". */
  program(name: string): string;
  /** Variables that keep Jupyter away from the user's own files, and show it our kernel only. */
  env: Record<string, string>;
}

/**
 * The virtual environment .cache/venv with requirements.txt in it, made on the first call; undefined,
 * after saying why, where there is no Python or pip cannot install.
 */
export async function findPython(): Promise<Python | undefined> {
  const skip = (reason: string) => {
    console.log(`Tests with Jupyter's own programs are skipped: ${reason}.`);
    return undefined;
  };
  const windows = Deno.build.os === "windows";
  const folder = `${CACHE}venv`;
  const program = (name: string) =>
    windows ? `${folder}\\Scripts\\${name}.exe` : `${folder}/bin/${name}`;
  const wanted = await Deno.readTextFile(REQUIREMENTS);
  const installed = `${folder}/requirements.txt`;
  if (await Deno.readTextFile(installed).catch(() => "") !== wanted) {
    const python = windows ? "python" : "python3";
    if (!(await succeeds(python, "--version"))) return skip("there is no Python 3 here");
    console.log(`Installing JupyterLab for tests into ${folder} (once, about a minute) …`);
    await Deno.mkdir(CACHE, { recursive: true });
    if (!(await succeeds(python, "-m", "venv", folder))) {
      return skip("Python cannot make virtual environments (Debian: apt-get install python3-venv)");
    }
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    if (!(await succeeds(program("python"), ...pip, "-r", REQUIREMENTS))) {
      return skip("pip could not install JupyterLab");
    }
    await Deno.writeTextFile(installed, wanted);
  }
  return { program, env: await jupyterEnvironment() };
}

/** Folders of its own for Jupyter, with one kernel: the Deno that runs this. */
async function jupyterEnvironment(): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "cutloss-jupyter-" });
  await Deno.mkdir(`${folder}/data/kernels/deno`, { recursive: true });
  const spec = {
    argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
    display_name: "Deno",
    language: "typescript",
  };
  await Deno.writeTextFile(`${folder}/data/kernels/deno/kernel.json`, JSON.stringify(spec));
  return {
    JUPYTER_DATA_DIR: `${folder}/data`,
    JUPYTER_CONFIG_DIR: `${folder}/config`,
    JUPYTER_RUNTIME_DIR: `${folder}/runtime`,
    IPYTHONDIR: `${folder}/ipython`,
    JUPYTER_PLATFORM_DIRS: "1",
    NO_COLOR: "1",
  };
}

async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, { args, stdout: "null", stderr: "null" })
      .output();
    return success;
  } catch {
    return false; // not installed
  }
}
