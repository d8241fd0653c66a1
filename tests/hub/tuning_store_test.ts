import { assert, assertEquals } from "@std/assert";
import { fileTuningStore, tuningOptions, userCacheFolder } from "../../lib/hub/tuning_store.ts";

Deno.test("a tuning store keeps one file a key and finds it in the next run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = fileTuningStore(`${folder}/not/there/yet`);
    assertEquals(await store.load("matmul | 64×64 | GPU"), undefined);
    await store.save("matmul | 64×64 | GPU", "first");
    await store.save("matmul | 64×64 | GPU", "second");
    await store.save("matmul | 64×64 | GPU | other driver", "third");
    const next = fileTuningStore(`${folder}/not/there/yet`);
    assertEquals(await next.load("matmul | 64×64 | GPU"), "second");
    assertEquals(await next.load("matmul | 64×64 | GPU | other driver"), "third");
    const names = [...Deno.readDirSync(`${folder}/not/there/yet`)].map(({ name }) => name);
    assertEquals(names.length, 2);
    assert(names.every((name) => /^matmul-64-64-GPU-[0-9a-f]{12}\.json$/.test(name)), names[0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the user's cache folder follows the habits of each system", () => {
  const cacheFolder = (os: string, variables: Record<string, string>) =>
    userCacheFolder(os, (name) => variables[name]).replaceAll("\\", "/");
  assertEquals(cacheFolder("linux", { HOME: "/home/me" }), "/home/me/.cache");
  assertEquals(cacheFolder("linux", { HOME: "/home/me", XDG_CACHE_HOME: "/fast" }), "/fast");
  assertEquals(cacheFolder("darwin", { HOME: "/Users/me" }), "/Users/me/Library/Caches");
  assertEquals(cacheFolder("windows", { LOCALAPPDATA: "C:/Me/Local" }), "C:/Me/Local");
  assertEquals(cacheFolder("windows", { USERPROFILE: "C:/Me" }), "C:/Me/AppData/Local");
});

Deno.test("CUTLOSS_AUTOTUNE=0 switches measuring off", () => {
  const before = Deno.env.get("CUTLOSS_AUTOTUNE");
  try {
    Deno.env.delete("CUTLOSS_AUTOTUNE");
    assertEquals(tuningOptions().autotune, true);
    Deno.env.set("CUTLOSS_AUTOTUNE", "0");
    assertEquals(tuningOptions().autotune, false);
    Deno.env.set("CUTLOSS_AUTOTUNE", "1");
    assertEquals(tuningOptions().autotune, true);
  } finally {
    if (before === undefined) Deno.env.delete("CUTLOSS_AUTOTUNE");
    else Deno.env.set("CUTLOSS_AUTOTUNE", before);
  }
});
