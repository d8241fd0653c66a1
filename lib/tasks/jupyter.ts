/**
 * `deno task jupyter`: installs the Deno kernel for Jupyter and says how to open the notebooks.
 */
import { DENO } from "./deno_version.ts";

const OPEN = `Open the notebooks with whichever you use:

  JupyterLab 4   pip install jupyterlab plotly    jupyter lab notebooks
  Notebook 7     pip install notebook plotly      jupyter notebook notebooks
  VS Code        install its Jupyter extension, open a file of the folder notebooks, and choose
                 Select Kernel > Jupyter Kernel... > Deno
  none of them   deno task notebook 06

Plotly's package makes figures interactive; without it they are still pictures.
The first cell of a notebook sets scale and seed; CUTLOSS_SCALE and CUTLOSS_SEED go before it.`;

/** Installs the kernel for this user; returns the folder of its kernelspec. */
async function installKernel(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["jupyter", "--install", "--force"],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n").trim();
  if (!success) throw new Error(`The kernel could not be installed:\n${said}`);
  return /installed successfully at (.*?)\.?$/m.exec(said)?.[1] ?? "Jupyter's folder for kernels";
}

if (import.meta.main) {
  try {
    const folder = await installKernel();
    console.log(`Installed the kernel "Deno" of ${Deno.execPath()}\nin ${folder}\n`);
    // npx keeps Deno in a cache that may be cleaned, and the kernel would go with it.
    if (/[\\/]_npx[\\/]/.test(Deno.execPath())) {
      console.log(
        "This Deno lies in a cache of npx. To keep the kernel for long, install Deno itself " +
          `(npm install --global deno@${DENO}) and run this task again.\n`,
      );
    }
    console.log(OPEN);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
