/** Compiled kernels and their bind groups, made once. */
import type { Kernel } from "../../kernels/kernel.ts";
import { formatBytes, GpuError } from "./errors.ts";
import type { BufferSlice } from "./pool.ts";
import { workgroupBytes } from "./workgroup_memory.ts";

const COMPUTE = 4;

/** A compiled kernel. */
export interface Pipeline {
  kernel: Kernel;
  raw: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  /** Bind groups by the slices they bind. */
  groups: Map<string, BoundGroup>;
  /** The one that was used last. */
  last?: BoundGroup;
}

/** A bind group and what it binds. */
interface BoundGroup {
  raw: GPUBindGroup;
  /** Buffer, offset and length of each slice. */
  places: readonly number[];
  /** The one that was used after it: a step of a training does what the step before it did. */
  next?: BoundGroup;
}

/** Compiles every kernel once and remembers bind groups. */
export class PipelineCache {
  #pipelines = new Map<Kernel, Pipeline>();

  constructor(private readonly device: GPUDevice) {}

  get(kernel: Kernel): Pipeline | undefined {
    return this.#pipelines.get(kernel);
  }

  /** @throws {GpuError} If the kernel declares more workgroup memory than the device has. */
  compile(kernel: Kernel): Pipeline {
    const bytes = workgroupBytes(kernel.code);
    const most = this.device.limits.maxComputeWorkgroupStorageSize;
    if (bytes > most) {
      throw new GpuError(
        `Kernel "${kernel.name}" declares ${
          formatBytes(bytes)
        } of workgroup memory, but this device ` +
          `has ${formatBytes(most)}.`,
      );
    }
    const entries: GPUBindGroupLayoutEntry[] = kernel.bindings.map(({ access }, binding) => ({
      binding,
      visibility: COMPUTE,
      buffer: { type: access === "read" ? "read-only-storage" : "storage" },
    }));
    if (kernel.params.length > 0) {
      entries.push({
        binding: entries.length,
        visibility: COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true },
      });
    }
    const layout = this.device.createBindGroupLayout({ label: kernel.name, entries });
    const raw = this.device.createComputePipeline({
      label: kernel.name,
      layout: this.device.createPipelineLayout({
        label: kernel.name,
        bindGroupLayouts: [layout],
      }),
      compute: {
        module: this.device.createShaderModule({ label: kernel.name, code: kernel.code }),
        entryPoint: "main",
      },
    });
    const pipeline: Pipeline = { kernel, raw, layout, groups: new Map() };
    this.#pipelines.set(kernel, pipeline);
    return pipeline;
  }

  /** Drops a kernel that turned out to be refused. */
  forget(kernel: Kernel): void {
    this.#pipelines.delete(kernel);
  }

  /** The bind group for these slices, and for the ring of uniforms if the kernel has params. */
  bindGroup(
    pipeline: Pipeline,
    slices: readonly BufferSlice[],
    uniforms: GPUBuffer,
  ): GPUBindGroup {
    const expected = pipeline.last?.next;
    if (expected && binds(expected, slices)) return (pipeline.last = expected).raw;
    const places = slices.flatMap(({ buffer, offset, bytes }) => [buffer.rawId, offset, bytes]);
    const key = places.join();
    let group = pipeline.groups.get(key);
    if (!group) {
      if (pipeline.groups.size >= 1024) forgetGroups(pipeline);
      group = { raw: this.#makeGroup(pipeline, slices, uniforms), places };
      pipeline.groups.set(key, group);
    }
    if (pipeline.last) pipeline.last.next = group;
    pipeline.last = group;
    return group.raw;
  }

  #makeGroup(
    pipeline: Pipeline,
    slices: readonly BufferSlice[],
    uniforms: GPUBuffer,
  ): GPUBindGroup {
    // Whole vectors of four, and at least one: WebGPU refuses to bind nothing.
    const entries: GPUBindGroupEntry[] = slices.map(({ buffer, offset, bytes }, binding) => ({
      binding,
      resource: { buffer: buffer.raw, offset, size: Math.max(1, Math.ceil(bytes / 16)) * 16 },
    }));
    if (pipeline.kernel.params.length > 0) {
      entries.push({
        binding: entries.length,
        resource: { buffer: uniforms, size: 4 * pipeline.kernel.params.length },
      });
    }
    const { kernel: { name: label }, layout } = pipeline;
    return this.device.createBindGroup({ label, layout, entries });
  }

  /** Drops all bind groups, because buffers they bind are about to be destroyed. */
  forgetBindGroups(): void {
    for (const pipeline of this.#pipelines.values()) forgetGroups(pipeline);
  }
}

function forgetGroups(pipeline: Pipeline): void {
  pipeline.groups.clear();
  pipeline.last = undefined;
}

function binds({ places }: BoundGroup, slices: readonly BufferSlice[]): boolean {
  return slices.every(({ buffer, offset, bytes }, i) =>
    places[3 * i] === buffer.rawId && places[3 * i + 1] === offset && places[3 * i + 2] === bytes
  );
}
