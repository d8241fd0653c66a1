import { display } from "./display.ts";
import { jupyter } from "./jupyter.ts";

/** Shows a caption below its figure in a notebook, because Jupyter's viewers have none themselves. */
export async function showCaption(of: string, caption: string): Promise<void> {
  if (!jupyter()) return;
  await display({
    data: { "text/markdown": caption, "text/plain": caption },
    metadata: { kind: "caption", of },
  });
}
