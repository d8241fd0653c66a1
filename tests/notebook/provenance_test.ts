import { assertEquals } from "@std/assert";
import { collectProvenance } from "../../lib/notebook/provenance.ts";

const fake = {
  adapter: { description: "Fake", vendor: "", architecture: "", device: "", software: true },
  features: new Set<string>(),
  limits: {},
};
const choice = {
  subject: "cut_forward",
  shapes: "N 64",
  choice: "128×128×16",
  source: "measured",
};

Deno.test("provenance says which tiles were chosen by measuring, or that none may be", async () => {
  const tuning = async (enabled: boolean, results: (typeof choice)[]) =>
    (await collectProvenance({ gpu: { ...fake, tuning: { enabled, results } } })).tuning;
  assertEquals(await tuning(true, [choice]), ["cut_forward (N 64): 128×128×16 (measured)"]);
  assertEquals(await tuning(true, []), undefined);
  assertEquals(await tuning(false, [choice]), ["off"]);
  assertEquals((await collectProvenance({ gpu: fake })).tuning, undefined);
});
