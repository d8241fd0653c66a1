import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { accumulate } from "../../kernels/accumulate.ts";
import { linearCrossEntropy } from "../../lib/losses/linear_cross_entropy.ts";
import { add, matmul, mul, reshape, scale, sum } from "../../lib/ops/mod.ts";
import { Gpu } from "../../lib/tensor/gpu.ts";
import { ShapeError } from "../../lib/tensor/shape.ts";
import { isOne } from "../../lib/tensor/gradient_place.ts";
import { record } from "../../lib/tensor/tape.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const gpu = await Gpu.open();

function leaf(values: number[], label = "x"): Tensor {
  return gpu.tensor(values, [values.length], { requiresGrad: true, label });
}

/** Fails if `fn` leaves memory behind. */
async function leavesNothing(fn: () => Promise<void>): Promise<void> {
  const before = gpu.memory.live;
  await fn();
  assertEquals(gpu.memory.live, before, JSON.stringify(gpu.memory.byLabel()));
}

Deno.test("upstream gradients of another type are refused, and so are an operation's own", () => {
  for (const wrong of [Int32Array.of(1, 1, 1), Float16Array.of(1, 1, 1)]) {
    using x = leaf([1, 2, 3]);
    using y = scale(x, 2);
    using upstream = gpu.tensor(wrong);
    assertThrows(() => y.backward(upstream), TypeError, "expected f32, of the Gpu of");
  }
  using x = leaf([1, 2, 3]);
  using y = gpu.tensor([1, 2, 3]);
  const backward = () => [gpu.tensor(Int32Array.of(1, 1, 1))];
  record({ name: "own", inputs: [x], outputs: [y], saved: [], backward });
  using upstream = gpu.full([3], 1);
  assertThrows(() => y.backward(upstream), TypeError, "has the dtype i32; expected f32");
});

Deno.test("a leaf that was a root itself still gets gradients", async () => {
  using x = leaf([3]);
  x.backward();
  using y = scale(x, 2);
  y.backward();
  assertEquals([...await x.grad!.read()], [3]);
});

Deno.test("a backward function can tell the 1 that backward() begins with from other gradients", async () => {
  await leavesNothing(async () => {
    using _ = gpu.scope();
    const known: boolean[] = [];
    const pass = (x: Tensor) => {
      const y = gpu.full([1], 3);
      const backward = ([dy]: readonly (Tensor | undefined)[]) => {
        known.push(isOne(dy!));
        return [dy!.alias()];
      };
      record({ name: "pass", inputs: [x], outputs: [y], backward });
      return y;
    };
    using x = leaf([2]);
    pass(x).backward();
    using one = gpu.full([1], 1);
    pass(x).backward(one);
    scale(pass(x), 2).backward();
    const y = pass(x);
    add(y, y).backward(); // two gradients, added up
    assertEquals(known, [true, false, false, false]);
    await gpu.sync();
  });
});

Deno.test("gradients accumulate until they are forgotten", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2, 3]);
    for (const times of [1, 2, 3]) {
      using y = sum(mul(x, x));
      y.backward();
      assertEquals([...await x.grad!.read()], [2 * times, 4 * times, 6 * times]);
    }
    x.zeroGrad();
    assertEquals(x.grad, undefined);
    using y = sum(scale(x, 5));
    y.backward();
    assertEquals([...await x.grad!.read()], [5, 5, 5]);
  }));

Deno.test("a tensor used in several ways gets the sum of their gradients", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2, 3]);
    using y = leaf([4, 5, 6], "y");
    // A diamond: a is used twice below, and its branches meet again; x also flows in from the side.
    using z = (() => {
      const a = mul(x, y), b = mul(a, a), c = scale(a, 3);
      return sum(add(add(b, c), x));
    })();
    z.backward();
    // d/da (a² + 3a) = 2a + 3
    const xs = [1, 2, 3], ys = [4, 5, 6];
    assertEquals([...await x.grad!.read()], xs.map((v, i) => (2 * v * ys[i] + 3) * ys[i] + 1));
    assertEquals([...await y.grad!.read()], xs.map((v, i) => (2 * v * ys[i] + 3) * v));
  }));

Deno.test("one tensor as all inputs of an operation", () =>
  leavesNothing(async () => {
    using x = leaf([3]);
    using y = add(x, x);
    using one = gpu.full([1], 1);
    y.backward(one);
    assertEquals(await x.grad!.item(), 2);
  }));

Deno.test("each leaf owns its gradient, also where operations hand one on to several", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    using y = leaf([3, 4], "y");
    using z = add(x, y); // its gradient goes to both
    using upstream = gpu.tensor([10, 20]);
    z.backward(upstream);
    gpu.write(x.grad!, Float32Array.of(0, 0));
    assertEquals([...await y.grad!.read()], [10, 20]);
    assertEquals([...await upstream.read()], [10, 20]);
    assert(!x.grad!.shared && !y.grad!.shared);
  }));

Deno.test("intermediate results are freed by backward(), unless they are kept", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    const freed = scale(x, 3), kept = mul(freed, freed).keep();
    kept.keep();
    using y = sum(kept);
    y.backward();
    await assertRejects(
      () => freed.read(),
      Error,
      "was freed by backward(); call keep() on it before, to use it afterwards.",
    );
    assertEquals([...await kept.read()], [9, 36]);
    assertEquals([...await kept.grad!.read()], [1, 1], "what is kept has a gradient");
    assertEquals([...await x.grad!.read()], [18, 36]);
    kept.dispose();
  }));

Deno.test("a second backward() says that the tape has been consumed", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    using y = sum(mul(x, x));
    y.backward();
    assertThrows(() => y.backward(), Error, "or its tape has already been consumed");
    using constant = gpu.full([1], 1);
    assertThrows(() => constant.backward(), Error, "does not depend on any tensor that requires");
    assertEquals([...await x.grad!.read()], [2, 4]);
  }));

Deno.test("a second root is refused where its way is used up, and may begin there anew", () =>
  leavesNothing(async () => {
    for (const keep of [false, true]) {
      using x = leaf([2]);
      using shared = mul(x, x);
      if (keep) shared.keep();
      using cut = shared.alias(); // the same elements, without a way back
      cut.requiresGrad = true;
      using a = sum(shared), tenfold = scale(shared, 10), b = sum(tenfold);
      using c = sum(scale(cut, 10));
      a.backward();
      assertEquals(await x.grad!.item(), 4);
      assertThrows(
        () => b.backward(),
        Error,
        'backward() of "sum" leads through "mul", whose tape an earlier backward() has consumed',
      );
      c.backward();
      assertEquals(await cut.grad!.item(), 10);
      assertEquals(await x.grad!.item(), 4);
    }
  }));

Deno.test("what the way back needs must not be written to before", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]), other = leaf([3, 4]);
    const changes: ((saved: Tensor) => void)[] = [
      (saved) => gpu.write(saved, new Float32Array([5, 6])),
      (saved) => gpu.clear(saved),
      (saved) => gpu.copy(other, saved, 8),
      (y) => gpu.run(accumulate(), { x: other, y }, { count: 2, factor: 1 }, [1]),
    ];
    for (const change of changes) {
      using product = mul(x, other);
      using y = sum(product);
      change(x);
      assertThrows(
        () => y.backward(),
        Error,
        'backward() needs "x" as mul() saw it, but it has been written to since',
      );
      y.dispose();
    }
    // What is written before, or read only, is nobody's business.
    using product = mul(x, other);
    using y = sum(product);
    await gpu.read([x, other, y]);
    y.backward();
  }));

Deno.test("an upstream gradient must have the root's shape", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    using y = scale(x, 2);
    using wrong = gpu.zeros([3]);
    assertThrows(
      () => y.backward(wrong),
      ShapeError,
      "backward() was given an upstream gradient of shape [3]",
    );
    assertThrows(() => y.backward(), ShapeError, "needs a scalar");
    using right = gpu.tensor([1, 10]);
    y.backward(right);
    assertEquals([...await x.grad!.read()], [2, 20]);
  }));

Deno.test("a gradient of the wrong shape names the tensor", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    using y = gpu.full([2], 0);
    record({
      name: "careless",
      inputs: [x],
      outputs: [y],
      backward: () => [gpu.zeros([3])],
    });
    using one = gpu.full([2], 1);
    assertThrows(
      () => y.backward(one),
      ShapeError,
      `The gradient of "x" has the shape [3]; expected [2].`,
    );
    await gpu.sync();
  }));

Deno.test("noGrad() records nothing, withGrad() within it does", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    {
      using _ = gpu.noGrad();
      assert(!gpu.gradEnabled);
      using y = mul(x, x);
      assert(!y.requiresGrad);
      {
        using _ = gpu.withGrad();
        using z = sum(mul(x, x));
        z.backward();
      }
      assert(!gpu.gradEnabled);
    }
    assert(gpu.gradEnabled);
    assertEquals([...await x.grad!.read()], [2, 4]);
  }));

Deno.test("a block of noGrad() or withGrad() ends once, in any order", () => {
  const [off, on, inner] = [gpu.noGrad(), gpu.withGrad(), gpu.noGrad()];
  const end = (block: Disposable) => {
    block[Symbol.dispose]();
    block[Symbol.dispose]();
    return gpu.gradEnabled;
  };
  assertEquals([gpu.gradEnabled, end(inner), end(off), end(on)], [false, true, true, true]);
  using _ = gpu.noGrad();
  assertEquals([end(off), end(on), end(inner)], [false, false, false]);
});

Deno.test("backward() says that recording is off, where that may be why nothing is recorded", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    const open = gpu.noGrad();
    using y = sum(x);
    const { message } = assertThrows(() => y.backward());
    assert(message.endsWith("; recording is off, since a noGrad() is still open."), message);
    open[Symbol.dispose]();
    const { message: closed } = assertThrows(() => y.backward());
    assert(closed.endsWith("(or its tape has already been consumed)."), closed);
    await gpu.sync();
  }));

Deno.test("no gradient flows where none is required", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    using constant = gpu.tensor([3, 4]);
    using y = sum(mul(x, constant));
    y.backward();
    assertEquals([...await x.grad!.read()], [3, 4]);
    assertEquals(constant.grad, undefined);
    using none = mul(constant, constant);
    assert(!none.requiresGrad);
  }));

Deno.test("a graph that is dropped without backward() frees what it held", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2, 3, 4]);
    {
      using a = mul(x, x); // saves x
      using b = mul(a, a); // saves a
      using c = sum(b);
      void c;
    }
    {
      using _ = gpu.scope();
      const a = matmul(reshape(x, [2, 2]), reshape(x, [2, 2]));
      sum(mul(a, a));
    }
    const a = mul(x, x), b = mul(a, a);
    a.dispose(); // still saved by b
    b.dispose();
    assertEquals(x.consumers, 0);
    await gpu.sync();
  }));

Deno.test("losses that are dropped without backward() free what they held", () =>
  leavesNothing(async () => {
    using e = gpu.full([40, 8], 0.1, { requiresGrad: true });
    using c = gpu.full([50, 8], 0.1, { requiresGrad: true });
    const targets = new Int32Array(40);
    for (const impl of ["naive", "chunked", "cut"] as const) {
      for (const returnLse of [false, true]) {
        using _ = gpu.scope();
        if (returnLse) linearCrossEntropy(e, c, targets, { impl, returnLse: true });
        else linearCrossEntropy(e, c, targets, { impl, filterEps: "auto" });
      }
      using loss = linearCrossEntropy(e, c, targets, { impl });
      void loss;
    }
    await gpu.sync();
  }));

Deno.test("what failed halfway through backward() frees what it made", () =>
  leavesNothing(async () => {
    using x = leaf([1, 2]);
    {
      using _ = gpu.scope();
      const y = gpu.full([2], 0);
      record({
        name: "failing",
        inputs: [x],
        outputs: [y],
        backward: () => {
          gpu.zeros([1000]);
          throw new RangeError("out of luck");
        },
      });
      const z = sum(mul(y, y));
      assertThrows(() => z.backward(), RangeError, "out of luck");
    }
    await gpu.sync();
  }));
