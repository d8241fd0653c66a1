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

const windows = Deno.build.os === "windows";
const PYTHON = windows ? "python" : "python3";
const VENV = `${CACHE}venv`;

function program(name: string): string {
  return windows ? `${VENV}\\Scripts\\${name}.exe` : `${VENV}/bin/${name}`;
}

/** What is installed, written when all of it is. */
const INSTALLED = `${VENV}/requirements.txt`;
const wanted = await Deno.readTextFile(REQUIREMENTS);
const isInstalled = await Deno.readTextFile(INSTALLED).catch(() => "") === wanted;

function skipped(reason: string): string {
  return `Tests with Jupyter's own programs are skipped: ${reason}.`;
}

// Asked beforehand, because a test is skipped before it begins or not at all. It installs nothing.
const missing = isInstalled ? undefined : await whatIsMissing();
if (missing) console.log(skipped(missing));

async function whatIsMissing(): Promise<string | undefined> {
  if (!(await succeeds(PYTHON, "--version"))) return "there is no Python 3 here";
  if (await succeeds(PYTHON, "-c", "import ensurepip, venv")) return undefined;
  return "Python cannot make virtual environments (Debian: apt-get install python3-venv)";
}

/** The virtual environment .cache/venv with requirements.txt in it; undefined if it cannot be made. */
async function makePython(): Promise<Python | undefined> {
  if (!isInstalled) {
    console.log(`Installing JupyterLab for tests into ${VENV} (once, about a minute) …`);
    await Deno.mkdir(CACHE, { recursive: true });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    const made = await succeeds(PYTHON, "-m", "venv", VENV) &&
      await succeeds(program("python"), ...pip, "-r", REQUIREMENTS);
    if (!made) return undefined;
    await Deno.writeTextFile(INSTALLED, wanted);
  }
  return { program, env: await jupyterEnvironment() };
}

let python: Promise<Python | undefined> | undefined;

/** A test that gets a Python. */
export interface TestWithPython {
  name: string;
  /** Skips the test for another reason than a missing Python. */
  ignore?: boolean;
  fn(python: Python): Promise<void>;
}

/**
 * A test with Jupyter's own programs. The first that runs installs them, so that a run of other tests
 * does not. The test is skipped where there is no Python; where nothing can be installed, it has one
 * step, which is skipped.
 */
export function testWithPython({ name, ignore = false, fn }: TestWithPython): void {
  Deno.test({
    name,
    ignore: ignore || missing !== undefined,
    fn: async (test) => {
      const found = await (python ??= makePython());
      if (found) return await fn(found);
      const reason = skipped("JupyterLab could not be installed");
      await test.step({ name: reason, ignore: true, fn: () => {} });
    },
  });
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
