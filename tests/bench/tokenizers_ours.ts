/**
 * One measurement of our tokenizers in a process of its own, so that peak memory is its own:
 *
 *   deno run -A tests/bench/tokenizers_ours.ts train|encode|one-word TEXT TOKENIZER REPEATS
 *
 * `TEXT` is a JSON list of documents; `train` writes the `TOKENIZER`, the others read it. Prints one
 * line of JSON: seconds of each repetition, number of tokens, peak bytes of the process.
 */
import { Tokenizer, trainBpe } from "cutloss/text/mod.ts";

const VOCAB_SIZE = 8000;

/** Most memory this process has held, as Linux counts it; 0 elsewhere. */
function peakBytes(): number {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))!;
    return 1024 * Number(kilobytes);
  } catch {
    return 0;
  }
}

if (import.meta.main) {
  const [task, textFile, tokenizerFile, repeats] = Deno.args;
  const documents: string[] = JSON.parse(await Deno.readTextFile(textFile));
  const seconds: number[] = [];
  let tokens = 0;
  for (let repeat = 0; repeat < Number(repeats); repeat++) {
    if (task === "train") {
      const start = performance.now();
      const tokenizer = trainBpe(documents, { vocabSize: VOCAB_SIZE });
      seconds.push((performance.now() - start) / 1000);
      tokens = tokenizer.vocabSize;
      await Deno.writeTextFile(tokenizerFile, JSON.stringify(tokenizer.toJson()));
    } else {
      // A new tokenizer each time, because its cache would know all words the second time.
      const tokenizer = Tokenizer.fromJson(await Deno.readTextFile(tokenizerFile));
      const start = performance.now();
      const encodings = tokenizer.encodeBatch(documents);
      seconds.push((performance.now() - start) / 1000);
      tokens = encodings.reduce((sum, { length }) => sum + length, 0);
    }
  }
  console.log(JSON.stringify({ seconds, tokens, peakBytes: peakBytes() }));
}
