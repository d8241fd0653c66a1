import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { minimize } from "../../lib/classic/lbfgs.ts";

Deno.test("the minimum of Rosenbrock's valley is found in ten dimensions", () => {
  const { x, value, converged } = minimize(
    (x, g) => {
      let sum = 0;
      g.fill(0);
      for (let i = 0; i + 1 < x.length; i++) {
        const a = x[i + 1] - x[i] ** 2, b = 1 - x[i];
        sum += 100 * a ** 2 + b ** 2;
        g[i] += -400 * x[i] * a - 2 * b;
        g[i + 1] += 200 * a;
      }
      return sum;
    },
    new Float64Array(10).fill(-1.2),
    { gradientTolerance: 1e-9 },
  );
  assert(converged);
  assert(value < 1e-16);
  for (const xi of x) assertAlmostEquals(xi, 1, 1e-8);
});

Deno.test("a badly scaled quadratic converges, its start is left as it was", () => {
  const start = new Float64Array([1, 1, 1]);
  const scales = [1, 1e3, 1e6];
  const { x, converged } = minimize(
    (x, g) => {
      scales.forEach((s, i) => g[i] = s * (x[i] - 2));
      return scales.reduce((sum, s, i) => sum + s * (x[i] - 2) ** 2 / 2, 0);
    },
    start,
    { gradientTolerance: 1e-8 },
  );
  assert(converged);
  for (const xi of x) assertAlmostEquals(xi, 2, 1e-7);
  assertEquals([...start], [1, 1, 1]);
});

Deno.test("too few iterations are reported as no convergence", () => {
  const result = minimize(
    (x, g) => {
      g[0] = 4 * x[0] ** 3;
      return x[0] ** 4;
    },
    new Float64Array([3]),
    { maxIterations: 2, gradientTolerance: 1e-12 },
  );
  assertEquals([result.converged, result.iterations], [false, 2]);
  assert(result.value < 81);
});

Deno.test("where the value or the gradient is not finite, nothing has converged", () => {
  const at = (value: number, slope: number) => {
    const { converged, iterations } = minimize((_, g) => {
      g[0] = slope;
      return value;
    }, new Float64Array(1));
    return [converged, iterations];
  };
  for (
    const [value, slope] of [[NaN, 1], [1, NaN], [Infinity, 1], [-Infinity, 0], [NaN, 0], [
      1,
      1e200,
    ]]
  ) {
    assertEquals(at(value, slope), [false, 0], `${value} and ${slope}`);
  }
  assertEquals(at(1, 0), [true, 0]);
});

Deno.test("a search that walks out of the finite numbers has not converged", () => {
  // Its gradient is known above 1 only.
  const { x, converged } = minimize(
    (x, g) => {
      g[0] = x[0] > 1 ? 1 : NaN;
      return x[0];
    },
    new Float64Array([3.5]),
  );
  assert(x[0] <= 1, `${x[0]}`);
  assert(!converged);
});

Deno.test("maxIterations must be a whole number above 0", () => {
  const never = () => {
    throw new Error("The objective must not be asked.");
  };
  for (const maxIterations of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => minimize(never, new Float64Array(1), { maxIterations }),
      RangeError,
      `maxIterations must be a whole number ≥ 1, but was ${maxIterations}.`,
    );
  }
});
