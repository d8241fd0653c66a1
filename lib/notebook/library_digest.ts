/** What decides the numbers of a notebook, besides its cells. */
const FOLDERS = [
  "kernels",
  ..."classic data gpu losses nn ops tensor text train".split(" ").map((name) => `lib/${name}`),
];

/**
 * A digest of the library's source files, hexadecimal: another one means that results which were
 * kept may no longer be those that the library finds.
 *
 * @param root the repository.
 */
export async function libraryDigest(
  root: URL = new URL("../../", import.meta.url),
): Promise<string> {
  const files: URL[] = [];
  for (const folder of FOLDERS) {
    for await (const { name } of Deno.readDir(new URL(`${folder}/`, root))) {
      if (name.endsWith(".ts")) files.push(new URL(`${folder}/${name}`, root));
    }
  }
  const texts = await Promise.all(
    files.map(({ href }) => href).sort().map(async (href) => [
      href.slice(root.href.length),
      await Deno.readTextFile(new URL(href)),
    ]),
  );
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
