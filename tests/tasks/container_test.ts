import { assert, assertEquals } from "@std/assert";
import { DENO } from "../../lib/tasks/deno_version.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

/** Packages and versions of a requirements file. */
function versions(requirements: string): Map<string, string> {
  return new Map(
    [...requirements.matchAll(/^([\w-]+)==(\S+)$/gm)].map(([, name, version]) => [name, version]),
  );
}

Deno.test("the container has the versions that the tests and the first command have", async () => {
  const container = versions(await read(".binder/requirements.txt"));
  const tests = versions(await read("tests/report/requirements.txt"));
  for (const name of ["jupyterlab", "notebook"]) {
    assertEquals(container.get(name), tests.get(name), name);
  }
  const [, deno] = /npx --yes deno@(\S+) task report/.exec(await read("README.md"))!;
  assertEquals(container.get("deno"), deno);
  assertEquals(DENO, deno);
  assert(container.has("jupyterhub"), "its jupyterhub-singleuser is what a hub starts");
});

Deno.test("the container runs as the user whom a hub names, and listens where it looks", async () => {
  const file = await read(".binder/Dockerfile");
  const steps = file.split("\n").filter((line) => /^[A-Z]+ /.test(line));
  assert(steps.includes("ARG NB_UID=1000") && steps.includes("ARG NB_USER=jovyan"));
  assertEquals(steps.findLast((step) => step.startsWith("USER ")), "USER ${NB_UID}");
  assert(steps.includes("EXPOSE 8888"));
  assert(steps.at(-1)!.startsWith("CMD ") && steps.at(-1)!.includes("--ip=0.0.0.0"));
});
