/** What a page does with the library: tests/files/browser_test.ts bundles it and runs it there. */
import {
  directoryCheckpoints,
  directoryFiles,
  type DirectoryHandle,
  fetchedFiles,
  Gpt2,
  type Gpt2Batch,
  Gpu,
  train,
} from "../../lib/mod.ts";

/** The page's own folder, of which Deno's types do not know. */
async function folder(name: string): Promise<DirectoryHandle> {
  const { storage } = navigator as unknown as {
    storage: { getDirectory(): Promise<DirectoryHandle> };
  };
  return await (await storage.getDirectory()).getDirectoryHandle(name, { create: true });
}

/** Logits of a model that was fetched, and of the same one stored in the page's folder. */
export async function fetchAndStore(batch: Gpt2Batch): Promise<number[][]> {
  using gpu = await Gpu.open();
  const logits = async (model: Gpt2) => [...await model.logits(batch).read()];
  const heard: number[] = [];
  const onProgress = ({ received }: { received: number }) => void heard.push(received);
  using fetched = await Gpt2.load(gpu, fetchedFiles("gpt2", { onProgress }));
  const files = directoryFiles(await folder("model"));
  await fetched.save(files);
  using stored = await Gpt2.load(gpu, files);
  return [await logits(fetched), await logits(stored), heard];
}

/** Losses of six steps: in one go, and by two trainings of which the first is cut off. */
export async function goOn(): Promise<Record<string, [step: number, loss: number][]>> {
  using gpu = await Gpu.open();
  const store = directoryCheckpoints(await folder("checkpoints"));
  await (await folder("checkpoints")).getDirectoryHandle("not ours", { create: true });
  const run = async (checkpointed: boolean, breakAt = Infinity) => {
    using model = new Gpt2(gpu, {
      ...{ vocabulary: 20, positions: 8, width: 8, layers: 1, heads: 2 },
      embeddingDropout: 0.2,
    });
    const data = {
      position: 0,
      next() {
        if (this.position === breakAt) throw new Error("the page is closed");
        const first = this.position++;
        return { ids: [0, 1, 2].map((b) => [...Array(8).keys()].map((t) => (first + b * t) % 20)) };
      },
    };
    const { records } = await train({
      model,
      data,
      steps: 6,
      optimizer: { learningRate: 0.01 },
      ...(checkpointed ? { checkpoints: { store, every: 2 } } : {}),
    });
    return records.map(({ step, loss }): [number, number] => [step, loss]);
  };
  const whole = await run(false);
  const why = await run(true, 5).then(() => "nothing", (error: Error) => error.message);
  if (why !== "the page is closed") throw new Error(why);
  // Closed again, while a checkpoint was being written.
  await store.write("step-00000005", () => Promise.reject(new Error("closed"))).catch(() => {});
  const rest = await run(true);
  const names = await store.list();
  for await (const name of (await folder("checkpoints")).keys()) names.push(name);
  return { whole, rest, [names.sort().join()]: [] };
}
