/** The version of Deno that all is tested with. */
export const DENO = "2.9.6";

/** A sentence if the Deno that runs is another one than ours; undefined if it is ours. */
export function versionAdvice(running: string): string | undefined {
  if (running === DENO) return undefined;
  return `This is Deno ${running}; Cutloss is tested with ${DENO}. If something fails, put ` +
    `"npx --yes deno@${DENO}" where you typed "deno".`;
}
