/**
 * How a kernel is written down: its name, its bindings, its parameters and its WGSL.
 *
 * A kernel file exports one function from compile-time constants to a {@linkcode Kernel}:
 *
 * ```ts ignore
 * export const scale = defineKernel("scale", ({ width }: { width: number }) => ({
 *   bindings: { x: "read array<f32>", y: "write array<f32>" },
 *   params: { count: "u32", factor: "f32" },
 *   workgroup: [width, 1, 1],
 *   code: wgsl`
 *     @compute @workgroup_size(${width})
 *     fn main(@builtin(global_invocation_id) id: vec3u) {
 *       if (id.x < params.count) { y[id.x] = params.factor * x[id.x]; }
 *     }`,
 * }));
 * ```
 *
 * The declarations of the bindings and of `params` are written from the tables, so that the host
 * can name what it passes (`{ x, y }, { count, factor }`) and a forgotten one is an error.
 * The function is memoised by its constants: asking twice gives the same object, for which a
 * device compiles its pipeline once.
 */

/** A scalar of the uniform block `params`. */
export type ParamType = "u32" | "i32" | "f32";

/** `read array<f32>` or `write array<vec4f>`: access and WGSL type of a storage binding. */
export type BindingType = `${"read" | "write"} ${string}`;

/** What a kernel file returns. */
export interface KernelSource {
  /** Storage bindings in order; `write` means `read_write`. */
  bindings: Record<string, BindingType>;
  /** Scalars passed with each dispatch, in order. */
  params?: Record<string, ParamType>;
  /** Invocations of a workgroup. */
  workgroup: readonly [number, number, number];
  /** WGSL, without the declarations of bindings and params; the entry point is `main`. */
  code: string;
  /** Needs `enable f16;`. */
  f16?: boolean;
  /** Constants the host needs to know (tile sizes, for instance). */
  tile?: Readonly<Record<string, number>>;
}

/** A kernel ready to be compiled: see {@linkcode defineKernel}. */
export interface Kernel {
  readonly name: string;
  readonly code: string;
  readonly bindings: readonly { name: string; access: "read" | "write" }[];
  readonly params: readonly { name: string; type: ParamType }[];
  readonly workgroup: readonly [number, number, number];
  readonly tile: Readonly<Record<string, number>>;
}

/** Names a kernel and memoises it by its compile-time constants. */
export function defineKernel<C = void>(
  name: string,
  source: (constants: C) => KernelSource,
): (constants: C) => Kernel {
  const made = new Map<string, Kernel>();
  return (constants) => {
    const key = constants === undefined ? "" : JSON.stringify(constants);
    let kernel = made.get(key);
    if (!kernel) made.set(key, kernel = assemble(name, source(constants)));
    return kernel;
  };
}

function assemble(name: string, source: KernelSource): Kernel {
  const bindings = Object.entries(source.bindings).map(([name, type]) => {
    const [access, ...rest] = type.split(" ");
    return { name, access: access as "read" | "write", type: rest.join(" ") };
  });
  const params = Object.entries(source.params ?? {}).map(([name, type]) => ({ name, type }));
  const declarations = bindings.map(({ name, access, type }, i) =>
    `@group(0) @binding(${i}) var<storage, ${
      access === "read" ? "read" : "read_write"
    }> ${name}: ${type};`
  );
  if (params.length > 0) {
    declarations.push(
      `struct Params { ${params.map(({ name, type }) => `${name}: ${type}`).join(", ")} }`,
      `@group(0) @binding(${bindings.length}) var<uniform> params: Params;`,
    );
  }
  return {
    name,
    code: [source.f16 ? "enable f16;" : "", ...declarations, source.code].join("\n"),
    bindings: bindings.map(({ name, access }) => ({ name, access })),
    params,
    workgroup: source.workgroup,
    tile: source.tile ?? {},
  };
}

/** Template tag for WGSL: arrays are joined by line ends; editors highlight it by its name. */
export function wgsl(
  strings: TemplateStringsArray,
  ...values: (string | number | readonly string[])[]
): string {
  return strings.reduce((text, part, i) => {
    const value = values[i - 1];
    return text + (Array.isArray(value) ? value.join("\n") : String(value)) + part;
  });
}

/** `n` copies of a piece of WGSL, one a line: loops that must not be loops on the GPU. */
export function unroll(n: number, piece: (i: number) => string): string {
  return Array.from({ length: n }, (_, i) => piece(i)).join("\n");
}

/** `n` pieces joined by `separator` (for argument lists and sums). */
export function join(n: number, separator: string, piece: (i: number) => string): string {
  return Array.from({ length: n }, (_, i) => piece(i)).join(separator);
}

/** A WGSL literal of an f32 value (WGSL has no literals for infinities). */
export function f32Literal(x: number): string {
  const text = String(Math.fround(x));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}
