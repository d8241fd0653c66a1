import { formatShape, sameShape, ShapeError } from "../tensor/shape.ts";
import { independentProducts, type Product, product } from "../tensor/product.ts";
import { record } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkF32 } from "./check.ts";

/**
 * The matrix product of a and b, or one for each index of the leading dimensions.
 *
 * @param a […, M, K], or […, K, M] with transposeA.
 * @param b […, K, N], or […, N, K] with transposeB; with two dimensions only, every matrix of a (not
 * transposed) is multiplied by it.
 * @returns […, M, N].
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean } = {},
): Tensor {
  checkF32("matmul", { a, b });
  const { gpu } = a;
  for (const [name, { shape }] of Object.entries({ a, b })) {
    if (shape.length < 2) {
      throw new ShapeError(
        `matmul(): ${name} has the shape ${formatShape(shape)}; expected at least two dimensions.`,
      );
    }
  }
  const [rowsA, columnsA] = a.shape.slice(-2), [rowsB, columnsB] = b.shape.slice(-2);
  const [height, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [kOfB, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  const leading = a.shape.slice(0, -2);
  const flattened = b.shape.length === 2 && !transposeA;
  if (k !== kOfB || (!flattened && !sameShape(leading, b.shape.slice(0, -2)))) {
    throw new ShapeError(
      `matmul(): a has the shape ${formatShape(a.shape)}${
        transposeA ? " (transposed)" : ""
      } and b ${formatShape(b.shape)}${
        transposeB ? " (transposed)" : ""
      }; expected the same inner length and the same leading ` +
        `dimensions.`,
    );
  }
  const count = leading.reduce((x, y) => x * y, 1);
  const batch = flattened ? 1 : count, m = flattened ? count * height : height;
  const common = { batch, batchY: 0 };

  const y = gpu.empty([...leading, height, n], { label: "matmul" });
  product(gpu, {
    ...common,
    a,
    b,
    y,
    m,
    n,
    k,
    transposeA,
    transposeB,
    batchA: m * k,
    batchB: k * n,
    batchY: m * n,
  });
  const savedA = a.slice, savedB = b.slice;
  record({
    name: "matmul",
    inputs: [a, b],
    outputs: [y],
    saved: [...(b.requiresGrad ? [a] : []), ...(a.requiresGrad ? [b] : [])],
    backward: ([upstream]) => {
      const dy = upstream!;
      let da: Tensor | undefined, db: Tensor | undefined;
      const products: Product[] = [];
      if (a.requiresGrad) {
        da = gpu.empty(a.shape, { label: "gradient" });
        // dA = dY · Bᵀ, or its transpose B · dYᵀ where A is stored transposed.
        const sizes = transposeA
          ? {
            a: savedB,
            b: dy,
            m: k,
            n: m,
            transposeA: transposeB,
            transposeB: true,
            batchA: k * n,
            batchB: m * n,
          }
          : {
            a: dy,
            b: savedB,
            m,
            n: k,
            transposeB: !transposeB,
            batchA: m * n,
            batchB: k * n,
          };
        products.push({ ...common, ...sizes, y: da, k: n, batchY: m * k });
      }
      if (b.requiresGrad) {
        db = gpu.empty(b.shape, { label: "gradient" });
        // dB = Aᵀ · dY, or its transpose dYᵀ · A.
        const sizes = transposeB
          ? {
            a: dy,
            b: savedA,
            m: n,
            n: k,
            transposeA: true,
            transposeB: transposeA,
            batchA: m * n,
            batchB: m * k,
          }
          : {
            a: savedA,
            b: dy,
            m: k,
            n,
            transposeA: !transposeA,
            batchA: m * k,
            batchB: m * n,
          };
        products.push({ ...common, ...sizes, y: db, k: m, batchY: k * n });
      }
      independentProducts(gpu, products);
      return [da, db];
    },
  });
  return y;
}
