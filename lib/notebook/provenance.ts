import { display } from "./display.ts";
import { formatBytes } from "./format_number.ts";
import { type GpuLike, graphicsMemoryBytes, nvidiaDriver } from "./gpu_like.ts";
import type { DataTable } from "./outputs.ts";
import type { Scale } from "./scale.ts";
import { tableBundle } from "./table.ts";

/** Where and how numbers were made. */
export interface Provenance {
  /** ISO date and time of day, UTC. */
  date: string;
  adapter?: string;
  /** "NVIDIA 1.2.3", or the architecture and vendor that the adapter names; absent without. */
  driver?: string;
  software?: boolean;
  /** Bytes of the graphics card, where the system tells. */
  gpuMemory?: number;
  features?: string[];
  refusedFeatures?: string[];
  limits?: Record<string, number>;
  /** "off", or a line for each choice made by measuring; absent if there was none to make. */
  tuning?: string[];
  scale?: Scale;
  seed?: number;
  versions: { cutloss: string; deno: string; v8: string; typescript: string };
  /** Git's short hash, with "+ changes" if files differ from it; absent outside a repository. */
  commit?: string;
  system: string;
  processors: number;
}

/** Vendors that adapters give by number: identities of PCI, and of Khronos from 0x10000 on. */
const VENDORS: Record<string, string> = {
  4098: "AMD",
  4203: "Apple",
  4318: "NVIDIA",
  5045: "Arm",
  20803: "Qualcomm",
  32902: "Intel",
  65541: "Mesa",
};

/** Limits that decide how kernels run. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;

/**
 * Shows where the notebook's numbers were made, as its last output.
 *
 * @param options `gpu` is the open device, if the notebook used one; `extra` adds lines
 */
export async function provenance(
  options: { gpu?: GpuLike; scale?: Scale; seed?: number; extra?: Record<string, string> },
): Promise<void> {
  const facts = await collectProvenance(options);
  const table = provenanceTable(facts, options.extra);
  const caption = "Where and how these numbers were made.";
  await display({
    data: tableBundle(table, { caption }),
    metadata: {
      kind: "provenance",
      id: "provenance",
      caption,
      table,
      provenance: { ...facts, ...options.extra },
    },
  });
}

/** Collects what {@link provenance} shows. */
export async function collectProvenance(
  { gpu, scale, seed }: { gpu?: GpuLike; scale?: Scale; seed?: number },
): Promise<Provenance> {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  const commit = await gitCommit();
  return {
    date: new Date().toISOString(),
    ...gpu && gpuFacts(gpu),
    ...scale !== undefined && { scale },
    ...seed !== undefined && { seed },
    versions: { cutloss: config.version, ...Deno.version },
    ...commit !== undefined && { commit },
    system: `${Deno.build.os} ${Deno.osRelease().split("-")[0]} ${Deno.build.arch}`,
    processors: navigator.hardwareConcurrency,
  };
}

function gpuFacts(gpu: GpuLike): Partial<Provenance> {
  const { adapter } = gpu;
  const limits = gpu.limits as Record<string, number>;
  const memory = graphicsMemoryBytes(adapter);
  const isNvidia = /nvidia/i.test(`${adapter.description} ${adapter.vendor}`);
  const version = isNvidia ? nvidiaDriver() : undefined;
  const driver = version
    ? `NVIDIA ${version}`
    : [adapter.architecture, VENDORS[adapter.vendor]].filter(Boolean).join(", ");
  return {
    adapter: adapter.description,
    ...driver && { driver },
    software: adapter.software,
    ...memory !== undefined && { gpuMemory: memory },
    features: [...gpu.features],
    ...gpu.refusedFeatures?.length && { refusedFeatures: [...gpu.refusedFeatures] },
    limits: Object.fromEntries(
      LIMITS.filter((name) => limits[name] !== undefined).map((name) => [name, limits[name]]),
    ),
    ...tuningFacts(gpu),
  };
}

function tuningFacts({ tuning }: GpuLike): Pick<Provenance, "tuning"> {
  if (tuning && !tuning.enabled) return { tuning: ["off"] };
  if (!tuning?.results.length) return {};
  return {
    tuning: tuning.results.map(({ subject, shapes, choice, source }) =>
      `${subject} (${shapes}): ${choice} (${source})`
    ),
  };
}

/** The commit of Cutloss's own folder; of a copy without its history, what CUTLOSS_COMMIT says. */
async function gitCommit(): Promise<string | undefined> {
  const cwd = new URL("../../", import.meta.url);
  const git = async (...args: string[]): Promise<string | undefined> => {
    try {
      const command = new Deno.Command("git", { args, cwd, stdin: "null", stderr: "null" });
      const { success, stdout } = await command.output();
      return success ? new TextDecoder().decode(stdout).trim() : undefined;
    } catch {
      return undefined; // no git, or not run from a file
    }
  };
  const hash = await git("rev-parse", "--short=10", "HEAD");
  if (hash === undefined) return Deno.env.get("CUTLOSS_COMMIT");
  const changes = await git("status", "--porcelain", "--untracked-files=no", "--", ":!*.ipynb");
  return changes ? `${hash} + changes` : hash;
}

function provenanceTable(facts: Provenance, extra: Record<string, string> = {}): DataTable {
  const { versions, limits } = facts;
  const lines: [string, string | number | undefined][] = [
    ["Adapter", facts.adapter && `${facts.adapter}${facts.software ? " (software)" : ""}`],
    ["Driver", facts.driver],
    ["GPU memory", facts.gpuMemory === undefined ? undefined : formatBytes(facts.gpuMemory)],
    ["Features", facts.features && (facts.features.join(", ") || "none")],
    ["Refused features", facts.refusedFeatures?.join(", ")],
    ...Object.entries(limits ?? {}).map(([name, value]): [string, string] => [
      limitName(name),
      name.endsWith("Size") ? formatBytes(value) : value.toLocaleString("en-US"),
    ]),
    ["Autotuning", facts.tuning?.join("; ")],
    ["Scale", facts.scale],
    ["Seed", facts.seed === undefined ? undefined : String(facts.seed)],
    ["Cutloss", `${versions.cutloss}${facts.commit ? `, commit ${facts.commit}` : ""}`],
    ["Deno", `${versions.deno} (V8 ${versions.v8}, TypeScript ${versions.typescript})`],
    ["System", `${facts.system}, ${facts.processors} processors`],
    ["Date", facts.date.slice(0, 16).replace("T", " ") + " UTC"],
    ...Object.entries(extra),
  ];
  return {
    columns: [{ name: "What", numeric: false }, { name: "Value", numeric: false }],
    rows: lines.filter(([, value]) => value !== undefined).map(([what, value]) => [what, value!]),
  };
}

/** "maxBufferSize" as "Max buffer size". */
function limitName(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[0].toUpperCase() + words.slice(1);
}
