/** What is known about an adapter: `Gpu.adapter` of lib/mod.ts fits. */
export interface AdapterLike {
  description: string;
  vendor: string;
  architecture: string;
  device: string;
  /** Whether the "GPU" is a program on the CPU. */
  software: boolean;
}

/** As much of an open device as notebooks report on: `Gpu` of lib/mod.ts fits. */
export interface GpuLike {
  adapter: AdapterLike;
  /** Optional features in use. */
  features: ReadonlySet<string>;
  /** Optional features that the adapter refused. */
  refusedFeatures?: readonly string[];
  limits: object;
  /** Which variants of kernels were chosen by measuring. */
  tuning?: {
    enabled: boolean;
    results: readonly { subject: string; shapes: string; choice: string; source: string }[];
  };
}

/**
 * The memory of a graphics card in bytes, which WebGPU does not tell: from NVIDIA's own tool, or
 * from the kernel for AMD cards under Linux. Undefined where neither answers.
 */
export function graphicsMemoryBytes(adapter: AdapterLike): number | undefined {
  if (adapter.software) return undefined;
  return nvidiaMemory(adapter) ?? amdMemory(adapter);
}

/** Name of the driver and its version, as far as the system tells it without asking for rights. */
export function nvidiaDriver(): string | undefined {
  return nvidiaSmi("driver_version")?.[0];
}

function nvidiaMemory({ description, vendor }: AdapterLike): number | undefined {
  if (!/nvidia|0x10de|4318/i.test(`${description} ${vendor}`)) return undefined;
  for (const line of nvidiaSmi("name,memory.total") ?? []) {
    const [name, mebibytes] = line.split(", ");
    if (description.includes(name)) return Number(mebibytes) * 2 ** 20;
  }
}

function nvidiaSmi(query: string): string[] | undefined {
  try {
    const { success, stdout } = new Deno.Command("nvidia-smi", {
      args: [`--query-gpu=${query}`, "--format=csv,noheader,nounits"],
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim().split("\n") : undefined;
  } catch {
    return undefined; // not installed
  }
}

function amdMemory({ description, vendor }: AdapterLike): number | undefined {
  if (Deno.build.os !== "linux" || !/amd|radeon|0x1002|4098/i.test(`${description} ${vendor}`)) {
    return undefined;
  }
  const sizes: number[] = [];
  try {
    for (const { name } of Deno.readDirSync("/sys/class/drm")) {
      if (!/^card\d+$/.test(name)) continue;
      const file = `/sys/class/drm/${name}/device/mem_info_vram_total`;
      try {
        sizes.push(Number(Deno.readTextFileSync(file)));
      } catch { /* not an AMD card */ }
    }
  } catch { /* no such folder in some containers */ }
  return sizes.length ? Math.max(...sizes) : undefined;
}
