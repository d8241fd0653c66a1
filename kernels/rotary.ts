/**
 * Rotary position embeddings (Su et al., "RoFormer", 2021): pairs of components of a head are rotated
 * by angles that grow with the position, (a, b) → (a·cos − b·sin, b·cos + a·sin).
 *
 * Shapes: x, y [B, T, H, d]; table [positions, d/2] holds (cos, sin), computed on the host in f64
 * because sin and cos of large angles are not accurate on a GPU; positions [T] or [B·T], or none,
 * which means 0 … T − 1. A pair is (2i, 2i + 1) when interleaved, otherwise (i, i + d/2).
 * The backward pass rotates the other way (sign −1).
 *
 * Bytes: 16 a pair and its angle from the cache; one invocation a pair.
 */
import { elementIndex } from "./grid.ts";
import { defineKernel, wgsl } from "./kernel.ts";

export const rotary = defineKernel(
  "rotary",
  ({ interleaved, positions }: { interleaved: boolean; positions: boolean }) => ({
    bindings: {
      x: "read array<f32>" as const,
      table: "read array<vec2f>" as const,
      ...(positions ? { positions: "read array<i32>" as const } : {}),
      y: "write array<f32>" as const,
    },
    params: {
      pairs: "u32",
      half: "u32",
      heads: "u32",
      time: "u32",
      positions_count: "u32",
      sign: "f32",
    },
    workgroup: [256, 1, 1],
    code: wgsl`
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  ${elementIndex(256)}
  if (i >= params.pairs) { return; }
  let pair = i % params.half;
  let head = i / params.half;
  let token = head / params.heads;
  let position = ${
      positions ? "u32(positions[token % params.positions_count])" : "token % params.time"
    };
  let angle = table[position * params.half + pair];
  let first = head * 2u * params.half + ${interleaved ? "2u * pair" : "pair"};
  let second = first + ${interleaved ? "1u" : "params.half"};
  let s = params.sign * angle.y;
  let a = x[first];
  let b = x[second];
  y[first] = a * angle.x - b * s;
  y[second] = b * angle.x + a * s;
}`,
  }),
);
