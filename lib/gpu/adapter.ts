/** Finding an adapter and asking it for a device with all that it can give. */
import { NoAdapterError } from "./errors.ts";

/** Optional features that we can use. `adapter.features` may hide some that are granted. */
const WANTED: readonly GPUFeatureName[] = ["timestamp-query", "shader-f16", "subgroups"];

/** Limits worth raising from WebGPU's defaults to what the adapter has. */
const RAISED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** What is known about an adapter. */
export interface AdapterDescription {
  /** The adapter's name, such as "NVIDIA H200" or "llvmpipe (LLVM 15.0.6, 256 bits)". */
  description: string;
  vendor: string;
  architecture: string;
  device: string;
  /** Whether the "GPU" is a program on the CPU: right results, no speed. */
  software: boolean;
}

/** A device with its adapter and what was granted. */
export interface OpenedDevice {
  device: GPUDevice;
  adapter: AdapterDescription;
  features: ReadonlySet<string>;
  /** Features that were asked for and refused. */
  refused: readonly string[];
}

/**
 * Opens the best adapter.
 *
 * @throws {NoAdapterError} if there is none; the message says what to install.
 */
export async function openDevice(
  powerPreference: GPUPowerPreference = "high-performance",
): Promise<OpenedDevice> {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu) {
    throw new NoAdapterError(
      "This runtime has no WebGPU (navigator.gpu is missing). Use Deno 2.9 or newer, or a browser " +
        "with WebGPU switched on: a recent Chrome, Edge, Firefox or Safari.",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) {
    throw new NoAdapterError(
      "No WebGPU adapter was found. On Debian or Ubuntu install the software driver with " +
        "`apt-get install -y mesa-vulkan-drivers` (or your GPU's Vulkan driver); " +
        "`deno task doctor` says what is missing.",
    );
  }
  const requiredLimits: Record<string, number> = {};
  for (const name of RAISED) requiredLimits[name] = adapter.limits[name];

  // A feature can be granted although the adapter does not list it, so each one is tried. An
  // adapter serves one device in browsers, hence a fresh one for every further try.
  const listed = WANTED.filter((name) => adapter.features.has(name));
  const hidden = WANTED.filter((name) => !adapter.features.has(name));
  for (const tried of [[...listed, ...hidden], listed, [] as GPUFeatureName[]]) {
    const fresh = await gpu.requestAdapter({ powerPreference });
    if (!fresh) break;
    try {
      const device = await fresh.requestDevice({
        requiredFeatures: tried,
        requiredLimits,
      });
      return {
        device,
        adapter: describe(adapter),
        features: new Set(tried),
        refused: WANTED.filter((name) => !tried.includes(name)),
      };
    } catch (error) {
      if (tried.length === 0) throw error;
    }
  }
  throw new NoAdapterError("The adapter granted no device.");
}

function describe(adapter: GPUAdapter): AdapterDescription {
  const { description, vendor, architecture, device } = adapter.info;
  const name = description || [vendor, architecture, device].filter(Boolean).join(" ") ||
    "unnamed adapter";
  return {
    description: name,
    vendor,
    architecture,
    device,
    software: adapter.info.isFallbackAdapter === true ||
      /llvmpipe|lavapipe|swiftshader|software|basic render/i.test(
        `${name} ${vendor} ${architecture}`,
      ),
  };
}
