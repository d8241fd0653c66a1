import { assertEquals, assertThrows } from "@std/assert";
import { currentScale, currentSeed, scale } from "../../lib/notebook/scale.ts";

/** Runs with environment variables set, and restores them. */
function withEnv(values: Record<string, string | undefined>, run: () => void): void {
  const before = Object.keys(values).map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value?: string) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    for (const [name, value] of Object.entries(values)) set(name, value);
    run();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

const adapter = { description: "x", vendor: "", architecture: "", device: "" };
const software = { adapter: { ...adapter, software: true } };
const real = { adapter: { ...adapter, software: false } };

Deno.test("The adapter chooses the scale: smoke in software, laptop on a GPU", () => {
  withEnv({ CUTLOSS_SCALE: undefined }, () => {
    assertEquals(currentScale(), "smoke");
    assertEquals(currentScale(software), "smoke");
    assertEquals(currentScale(real), "laptop");
  });
});

Deno.test("The parameters cell goes before the adapter, and the environment before both", () => {
  withEnv({ CUTLOSS_SCALE: undefined, CUTLOSS_SEED: undefined }, () => {
    assertEquals(currentScale(software, { scale: "full" }), "full");
    assertEquals(currentSeed({ seed: 5 }), 5);
    assertEquals(currentSeed(), 0);
  });
  withEnv({ CUTLOSS_SCALE: "laptop", CUTLOSS_SEED: "9" }, () => {
    assertEquals(currentScale(software, { scale: "full" }), "laptop");
    assertEquals(currentSeed({ seed: 5 }), 9);
  });
});

Deno.test("An unknown scale or seed is named", () => {
  withEnv({ CUTLOSS_SCALE: "huge", CUTLOSS_SEED: "many" }, () => {
    assertThrows(() => currentScale(), Error, 'CUTLOSS_SCALE is "huge"; expected one of smoke');
    assertThrows(() => currentSeed(), Error, "CUTLOSS_SEED is many");
  });
});

Deno.test("A value is picked by its scale", () => {
  assertEquals(scale("laptop", { smoke: 1, laptop: 2, full: 3 }), 2);
});
