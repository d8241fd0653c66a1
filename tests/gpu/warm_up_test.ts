/** Warming up, with a clock that rises when it likes. */
import { assert, assertEquals } from "@std/assert";
import { warmUp } from "../../lib/gpu/warm_up.ts";

/** A device on which a run takes as long as `ms` says by then, in milliseconds. */
function device(ms: (elapsed: number) => number, software = false) {
  const start = performance.now(), spent: number[] = [];
  let recorded = 0;
  const adapter = { description: "", vendor: "", architecture: "", device: "", software };
  return {
    adapter,
    spent,
    run: () => void recorded++,
    async sync() {
      const each = ms(performance.now() - start);
      spent.push(each);
      await new Promise((done) => setTimeout(done, recorded * each));
      recorded = 0;
    },
  };
}

Deno.test("a device whose clock rises late is kept busy until runs become no faster", async () => {
  for (const first of [60, 500]) { // the second one compiles for long, and its clock takes longer, too
    const rise = first + 0.8 * Math.max(first, 300);
    const rising = device((elapsed) =>
      elapsed < 1 ? first : elapsed < rise ? 60 : elapsed < rise + 200 ? 40 : 20
    );
    await warmUp(rising, rising.run, 300);
    const fast = rising.spent.filter((ms) => ms === 20).length;
    assert(fast >= 3, `it ran at full speed ${fast} times: ${rising.spent}`);
  }
});

Deno.test("a device that never settles is kept busy for a while only", async () => {
  let ms = 100;
  const falling = device(() => ms *= 0.9);
  const start = performance.now();
  await warmUp(falling, falling.run, 20);
  assert(performance.now() - start < 5000);
});

Deno.test("a software adapter runs once, which compiles", async () => {
  const slow = device(() => 1, true);
  await warmUp(slow, slow.run);
  assertEquals(slow.spent.length, 1);
});
