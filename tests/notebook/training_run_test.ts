import { assertEquals, assertNotEquals } from "@std/assert";
import { openTrainingRun } from "../../lib/notebook/training_run.ts";

const record = (step: number) => ({ step, loss: 1 / step, gradNorm: 1, learningRate: 0.1 });

Deno.test("a killed run goes on at its checkpoint, a finished one leaves nothing and begins anew", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const recipe = { seed: 1, steps: 9 };
    const first = await openTrainingRun("test", recipe, folder);
    assertEquals(first.earlier, []);
    await first.log([record(1), record(2)]);
    await first.store.write("step-00000002", (files) => files.writeText("state.json", "{}"));
    await first.log([record(3), record(4)]);
    // Killed while it wrote a line.
    await Deno.writeTextFile(`${first.path}/steps.jsonl`, '{"step": 5, "lo', { append: true });

    const second = await openTrainingRun("test", recipe, folder);
    assertEquals(second.path, first.path);
    assertEquals(second.earlier, [record(1), record(2)]);
    assertEquals(await second.store.list(), ["step-00000002"]);
    await second.log([record(3)]);
    await second.store.write("step-00000003", (files) => files.writeText("state.json", "{}"));
    const third = await openTrainingRun("test", recipe, folder);
    assertEquals(third.earlier, [record(1), record(2), record(3)]);

    const other = await openTrainingRun("test", { ...recipe, seed: 2 }, folder);
    assertNotEquals(other.path, first.path);
    assertEquals(other.earlier, []);

    await third.finish();
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`), [
      other.path,
    ]);
    const fourth = await openTrainingRun("test", recipe, folder);
    assertEquals([fourth.earlier, await fourth.store.list()], [[], []]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
