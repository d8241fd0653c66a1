/**
 * The tokenizers against Hugging Face's native `tokenizers` and OpenAI's `tiktoken`, all on one
 * thread: `deno task bench tokenizers`.
 *
 * Each measurement is a process of its own; the contestants take turns, so that whatever else the
 * machine does hits all of them. The text is generated (lib/data/zipf_text.ts), not natural. The
 * Python with the peers is `python3`, or what the variable CUTLOSS_PYTHON names.
 *
 * Arguments: `--rounds 3`, `--megabytes 10`, `--no-save` to leave the table of results as it is.
 */
import { Random } from "cutloss/data/random.ts";
import { zipfText } from "cutloss/data/zipf_text.ts";

interface Sample {
  seconds: number[];
  tokens: number;
  peakBytes: number;
}

interface Task {
  what: "train" | "encode";
  shape: string;
  documents: string[];
  contestants: string[];
}

const OURS = new URL("tokenizers_ours.ts", import.meta.url).pathname;
const PEERS = new URL("tokenizers_peers.py", import.meta.url).pathname;
const RESULTS = new URL("../../data/benchmarks/tokenizers.csv", import.meta.url);
const COLUMNS = "what,shape,machine,versions,p20,p50,p80,peak bytes,date";

/** Runs the benchmark, prints its table and writes it to data/benchmarks/tokenizers.csv. */
export async function run(args: string[]): Promise<void> {
  const option = (name: string, fallback: number) => {
    const at = args.indexOf(name);
    return at < 0 ? fallback : Number(args[at + 1]);
  };
  const rounds = option("--rounds", 3), megabytes = option("--megabytes", 10);
  const python = Deno.env.get("CUTLOSS_PYTHON") ?? "python3";
  const directory = await Deno.makeTempDir({ prefix: "cutloss-bench-" });
  try {
    const rows = [COLUMNS];
    const peerVersions = await runProcess(python, [PEERS, "versions"]);
    const versions = `deno ${Deno.version.deno}, ${peerVersions.trim()}`;
    const machine = await describeMachine();
    const date = new Date().toISOString().slice(0, 10);
    for (const task of makeTasks(megabytes)) {
      const samples = await measure(task, directory, python, rounds);
      const bytes = task.documents.reduce((sum, text) => sum + utf8Length(text), 0);
      report(task, samples, bytes);
      for (const [who, { seconds, peakBytes }] of samples) {
        const times = [0.2, 0.5, 0.8].map((q) => quantile(seconds, q).toPrecision(4));
        const what = `${task.what} (${who}) [s]`;
        rows.push(
          [what, task.shape, machine, versions].map(quote).join(",") +
            `,${times.join(",")},${peakBytes},${date}`,
        );
      }
    }
    if (!args.includes("--no-save")) await Deno.writeTextFile(RESULTS, rows.join("\n") + "\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function makeTasks(megabytes: number): Task[] {
  const all = ["cutloss", "tokenizers", "tiktoken"];
  const text = zipfText({ length: megabytes * 1e6, seed: 1 });
  const half = text.slice(0, text.length / 2);
  const random = new Random(2);
  const word = Array.from({ length: 100_000 }, () => "etaoinshr"[random.below(9)]).join("");
  const shape = `${megabytes} MB generated, 8000 tokens`;
  return [
    { what: "train", shape, documents: documentsOf(text), contestants: all.slice(0, 2) },
    { what: "encode", shape, documents: documentsOf(text), contestants: all },
    {
      what: "encode",
      shape: `${megabytes / 2} MB generated, 8000 tokens`,
      documents: documentsOf(half),
      contestants: all,
    },
    {
      what: "encode",
      shape: "100 kB without a space",
      documents: [word],
      contestants: all,
    },
    {
      what: "encode",
      shape: "1 MB of one letter",
      documents: ["a".repeat(1e6)],
      contestants: all,
    },
  ];
}

/** Cuts a text into documents of about 10 kB, at ends of lines. */
function documentsOf(text: string): string[] {
  const documents: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start + 10_000) + 1 || text.length;
    documents.push(text.slice(start, end));
    start = end;
  }
  return documents;
}

async function measure(
  task: Task,
  directory: string,
  python: string,
  rounds: number,
): Promise<Map<string, Sample>> {
  const textFile = `${directory}/text.json`, tokenizerFile = `${directory}/tokenizer.json`;
  await Deno.writeTextFile(textFile, JSON.stringify(task.documents));
  const samples = new Map<string, Sample>();
  for (let round = 0; round < rounds; round++) {
    for (const who of task.contestants) {
      // Two repetitions of training, four of encoding, which is over sooner.
      const args = [task.what, textFile, tokenizerFile, task.what === "train" ? "2" : "4"];
      const output = who === "cutloss"
        ? await runProcess(Deno.execPath(), ["run", "-A", OURS, ...args])
        : await runProcess(python, [PEERS, who, ...args]);
      const sample: Sample = JSON.parse(output);
      const before = samples.get(who);
      if (before) {
        before.seconds.push(...sample.seconds);
        before.peakBytes = Math.max(before.peakBytes, sample.peakBytes);
      } else samples.set(who, sample);
    }
  }
  const tokens = [...samples.values()].map((sample) => sample.tokens);
  if (tokens.some((count) => count !== tokens[0])) {
    throw new Error(
      `${task.what}, ${task.shape}: the contestants made ${tokens.join(", ")} tokens.`,
    );
  }
  return samples;
}

function report(task: Task, samples: Map<string, Sample>, bytes: number): void {
  console.log(`\n${task.what}, ${task.shape}`);
  const ours = quantile(samples.get("cutloss")!.seconds, 0.5);
  for (const [who, { seconds, peakBytes }] of samples) {
    const median = quantile(seconds, 0.5);
    const parts = [
      who.padEnd(11),
      `${median.toFixed(3)} s`.padStart(10),
      `${(bytes / 1e6 / median).toFixed(2)} MB/s`.padStart(12),
      `peak ${(peakBytes / 1e6).toFixed(0)} MB`.padStart(13),
    ];
    if (who !== "cutloss") parts.push(`  cutloss is ${(median / ours).toFixed(2)} times as fast`);
    console.log(parts.join(" "));
  }
}

async function runProcess(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

async function describeMachine(): Promise<string> {
  const cores = `${navigator.hardwareConcurrency} cores`;
  try {
    const info = await Deno.readTextFile("/proc/cpuinfo");
    const model = /model name\s*:\s*(.+)/.exec(info)?.[1] ?? Deno.build.arch;
    return `${model}, ${cores}`;
  } catch {
    return `${Deno.build.os} ${Deno.build.arch}, ${cores}`;
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

if (import.meta.main) await run(Deno.args);
