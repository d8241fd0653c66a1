/**
 * Writes a file that exists either whole or not at all.
 *
 * The bytes go to a temporary file in the same folder, are flushed to the disk, and the file is
 * then renamed over `path`, which the operating system does in one step. If `fill` throws, or the
 * process dies, what stood at `path` before is untouched.
 *
 * @param path the file to write
 * @param fill called with a function that appends bytes
 */
export async function writeAtomically(
  path: string,
  fill: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${Deno.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  const file = await Deno.open(temporary, { write: true, createNew: true });
  try {
    try {
      await fill(async (bytes) => {
        let written = 0;
        while (written < bytes.length) {
          written += await file.write(bytes.subarray(written, written + (1 << 24)));
        }
      });
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}
