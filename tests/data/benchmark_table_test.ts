import { assertEquals } from "@std/assert";
import { readBenchmark } from "../../lib/data/benchmark_table.ts";

Deno.test("a stored benchmark is read by column, and a missing one has no rows", async () => {
  const path = await Deno.makeTempFile({ suffix: ".csv" });
  try {
    await Deno.writeTextFile(path, 'what,ms_p50,versions\nshape,,"torch 2, triton 3"\n');
    assertEquals(await readBenchmark(path), [
      { what: "shape", ms_p50: "", versions: "torch 2, triton 3" },
    ]);
  } finally {
    await Deno.remove(path);
  }
  assertEquals(await readBenchmark(path), []);
});
