// What the live figures compute, without a page. Run by tests/mibook/test_live.py, or by hand: node --test FILE.
import assert from "node:assert/strict";
import { test } from "node:test";

const room = new URL("../../../mibook/live/js/", import.meta.url);
const { Stream, contour, grid, kde1, kde2, shareLevels } = await import(new URL("maths.mjs", room));
const { choose, ratioMoment, spreadSample, spreadTheory } = await import(new URL("spread.mjs", room));
const { KNOTS, bound, climb, draw, law, logRatio } = await import(new URL("bound.mjs", room));
const { Descent, alongConstant, alongWeight, biasTheory, driftTheory, noiseTheory } = await import(new URL("smoothing.mjs", room));
const { descend, loss, slope } = await import(new URL("descent.mjs", room));
const { Critic } = await import(new URL("critic.mjs", room));
const { LIMIT, Mixture, OneCritic, ThreeCritics, drawReference, scatter } = await import(new URL("mixture.mjs", room));
const { MOST, SHIFTS, Training, draw: drawPairs, epochsBetween } = await import(new URL("training.mjs", room));
const { number, ticks } = await import(new URL("figure.mjs", room));

const near = (found, expected, tolerance) =>
  assert.ok(Math.abs(found - expected) <= tolerance, `${found} is not within ${tolerance} of ${expected}`);
const RHO = 0.879;

test("the generator is uniform, normal and repeatable", () => {
  const [one, two] = [new Stream(3), new Stream(3)];
  const numbers = Array.from({ length: 50000 }, () => one.uniform());
  assert.deepEqual(numbers.slice(0, 9), Array.from({ length: 9 }, () => two.uniform()));
  assert.ok(numbers.every((u) => u > 0 && u < 1));
  const counts = new Array(20).fill(0);
  for (const u of numbers) counts[Math.floor(20 * u)]++;
  assert.ok(counts.every((count) => Math.abs(count - 2500) < 250), counts.join());
  const z = new Stream(4).normals(new Float64Array(50000));
  near(z.reduce((a, b) => a + b) / z.length, 0, 0.02);
  near(z.reduce((a, b) => a + b * b) / z.length, 1, 0.03);
  near(z.reduce((a, b) => a + b ** 4) / z.length, 3, 0.2);
});

test("neighbouring seeds give unrelated numbers", () => {
  const [a, b] = [0, 1].map((seed) => new Stream(seed).normals(new Float64Array(20000)));
  near(a.reduce((sum, v, i) => sum + v * b[i], 0) / a.length, 0, 0.03);
});

test("each way of choosing keeps its promise", () => {
  const n = 40;
  const stream = new Stream(1);
  const { J, K } = choose("without", n, 30, stream);
  assert.equal(new Set(J).size, 30);
  assert.equal(new Set(K).size, 30);
  const shifts = choose("derangement", n, 10 * n, stream);
  assert.ok(shifts.J.every((j, i) => j !== shifts.K[i]), "no true pair");
  assert.equal(new Set(Array.from(shifts.J, (j, i) => j * n + shifts.K[i])).size, 10 * n, "no pair twice");
  const free = choose("with", n, 20000, stream);
  const hits = free.J.filter((j, i) => j === free.K[i]).length;
  near(hits, 500, 90);
  const all = choose("all", n, 20000, stream);
  assert.ok(all.J.every((j, i) => j !== all.K[i]));
  assert.equal(new Set(Array.from(all.J, (j, i) => j * n + all.K[i])).size, n * (n - 1), "every pair comes");
});

test("the theory of the spread at the optimal critic is the book's closed form", () => {
  const chi2 = RHO ** 2 / (1 - RHO ** 2);
  const tau = RHO ** 4 / (1 - RHO ** 4);
  near(ratioMoment(RHO, 2), 1 + chi2, 1e-9);
  assert.equal(ratioMoment(RHO, 1 + 1 / RHO + 0.001), Infinity);
  near(spreadTheory("derangement", 1000, 1000, RHO, 1), Math.sqrt(chi2 / 1000), 1e-9);
  near(spreadTheory("derangement", 1000, 10000, RHO, 1), Math.sqrt(chi2 / 10000), 1e-9);
  near(spreadTheory("all", 1000, 999000, RHO, 1), Math.sqrt((chi2 + tau) / 999000), 1e-9);
  assert.equal(spreadTheory("with", 1000, 5000, RHO, 1), Infinity, "true pairs have no second moment");
  assert.equal(spreadTheory("without", 1000, 1000, RHO, 1), Infinity);
  assert.ok(Number.isFinite(spreadTheory("without", 1000, 1000, 0.3, 1)), "weak dependence has one");
});

for (const [method, m] of [["without", 200], ["without", 60], ["derangement", 200], ["derangement", 900], ["with", 1000], ["all", 200 * 199]])
  test(`the spread of a half-grown critic follows the theory: ${method}, ${m} pairs`, () => {
    const stream = new Stream(11);
    const repeats = method === "all" ? 300 : 2500;
    const drawn = method === "all" ? "derangement" : method;
    const terms = Array.from({ length: repeats }, () => spreadSample(drawn, 200, m, RHO, 0.5, stream));
    const mean = terms.reduce((a, b) => a + b) / repeats;
    const sd = Math.sqrt(terms.reduce((a, b) => a + (b - mean) ** 2, 0) / (repeats - 1));
    const theory = spreadTheory(method, 200, m, RHO, 0.5);
    near(sd / theory, 1, method === "all" ? 0.15 : 0.08);
    near(mean, Math.log(ratioMoment(RHO, 0.5)), 0.02);
  });

test("a density estimate integrates to one and is refused where there is none", () => {
  const x = new Stream(5).normals(new Float64Array(500));
  const y = new Stream(6).normals(new Float64Array(500));
  const one = kde1(x, 500);
  near(one.values.reduce((a, b) => a + b) * one.grid.step, 1, 1e-3);
  const two = kde2(x, y, 500);
  near(two.values.reduce((a, b) => a + b) * two.gx.step * two.gy.step, 1, 1e-3);
  assert.equal(kde1([2, 2, 2], 3), null);
  assert.equal(kde2([1, 2, 3], [2, 4, 6], 3), null);
  assert.equal(kde2([1, 2], [3, 1], 2), null);
});

test("a contour of a cone is a circle", () => {
  const g = { ...grid(-1, 1, 0.25, 65) };
  const values = new Float64Array(65 * 65);
  for (let j = 0; j < 65; j++)
    for (let i = 0; i < 65; i++) values[j * 65 + i] = 2 - Math.hypot(g.start + i * g.step, g.start + j * g.step);
  const ends = contour(values, g, g, 1);
  assert.ok(ends.length > 400);
  for (let i = 0; i < ends.length; i += 2) near(Math.hypot(ends[i], ends[i + 1]), 1, 0.01);
  const [level] = shareLevels(Float64Array.from([1, 1, 1, 1, 4]), [0.5]);
  assert.ok(level > 1 && level <= 4);
});

test("climbing in population reaches the divergence, and on few points passes it", () => {
  const population = { data: law(1, 0.6), reference: law(0, 1) };
  const divergence = (0.36 + 1 - 1) / 2 - Math.log(0.6);
  const optimal = bound(KNOTS.map((z) => logRatio(z, 1, 0.6)), population.data, population.reference);
  near(optimal, divergence, 0.01);
  assert.ok(optimal < divergence, "no critic is worth more than the divergence");
  let h = new Float64Array(KNOTS.length);
  near(bound(h, population.data, population.reference), 0, 1e-4);
  for (let step = 0; step < 600; step++) h = climb(h, population.data, population.reference);
  const top = bound(h, population.data, population.reference);
  assert.ok(top > optimal - 0.002 && top < divergence, `${top}`);

  const { data, reference } = draw(10, 1, 0.6, new Stream(0));
  h = new Float64Array(KNOTS.length);
  let before = bound(h, data, reference);
  for (let step = 0; step < 300; step++) {
    h = climb(h, data, reference);
    const after = bound(h, data, reference);
    assert.ok(after >= before - 1e-6, `step ${step} goes down from ${before} to ${after}`);
    before = after;
  }
  assert.ok(before > divergence + 0.3, `${before}`);
  assert.ok(bound(h, population.data, population.reference) < divergence);
});

test("the bias and the noise of the gradient are what the theory says", () => {
  const w = RHO / (2 * (1 - RHO));
  const M = alongWeight(w);
  near(M.mean, (1 + 2 * w) ** -0.5, 1e-12);
  near(biasTheory(M, 1, 0), (-2 * w) / (1 + 4 * w) ** 1.5, 1e-12);
  near(biasTheory(alongConstant(w), 20, 0), 0, 1e-12);
  near(noiseTheory(alongConstant(w), 20, 0), 0, 1e-12);
  const run = new Descent({ rho: RHO, beta: 0, b: 20, m0: 1, seed: 0 });
  for (let j = 0; j < 8000; j++) run.step();
  const { bias, noise } = run.measured();
  near(bias / biasTheory(M, 20, 0), 1, 0.25);
  near(noise / noiseTheory(M, 20, 0), 1, 0.15);
  near(run.c, 0, 1e-9);
  near(run.w, run.best, 1.2);
});

test("the constant drifts at the predicted speed, and the ratchet never turns back", () => {
  const run = new Descent({ rho: RHO, beta: 0.4, b: 20, m0: 1, seed: 1 });
  for (let j = 0; j < 5000; j++) run.step();
  const speed = (run.constants[4999] - run.constants[999]) / 4000;
  near(speed / driftTheory(run.best, 20, 0.4), 1, 0.3);
  const kappa = (0.5 * 0.4) / 0.6;
  for (let j = 1; j < 5000; j++)
    assert.ok(run.constants[j] + kappa * run.logs[j] >= run.constants[j - 1] + kappa * run.logs[j - 1] - 1e-12);
});

test("the slope on one weight is the derivative of the loss, and descent finds the minimum", () => {
  const data = new Stream(8).normals(new Float64Array(100)).map((v) => 0.5 + v);
  const reference = new Stream(9).normals(new Float64Array(100));
  const h = 1e-5;
  near(slope(0.3, data, reference), (loss(0.3 + h, data, reference) - loss(0.3 - h, data, reference)) / (2 * h), 1e-7);
  const path = descend(0.3, 200, data, reference);
  near(slope(path[200], data, reference), 0, 1e-6);
});

test("a critic's step goes uphill along the derivative of its bound", () => {
  const stream = new Stream(3);
  const points = (n) => [0, 1].map(() => stream.normals(new Float64Array(n)));
  const [data, reference] = [points(40), points(70)];
  const critic = new Critic(2, 8, stream);
  const start = critic.weights.slice();
  const value = critic.bound(data, reference);
  near(critic.climb(data, reference, 1e-3), value, 1e-12);
  critic.weights.set(start);
  const h = 1e-6;
  start.forEach((w, k) => {
    const sides = [w + h, w - h].map((v) => ((critic.weights[k] = v), critic.bound(data, reference)));
    critic.weights[k] = w;
    near((sides[0] - sides[1]) / (2 * h), critic.gradient[k], 1e-6);
  });
});

test("the difference is the mutual information for every Gaussian, and of the clipped pair for a box", () => {
  const mixture = new Mixture(0.9);
  for (const width of [0.5, 0.8, 1, 2, 4]) {
    const { joint, x, y } = mixture.terms({ kind: "gaussian", width });
    near(x, Math.log(width) + 1 / (2 * width ** 2) - 0.5, 1e-9);
    near(joint - x - y, mixture.truth, 1e-9);
  }
  assert.ok(mixture.terms({ kind: "gaussian", width: 0.97 }).moment === Infinity, "s² < (1 + rho) / 2");
  assert.ok(Number.isFinite(mixture.terms({ kind: "gaussian", width: 0.98 }).moment));
  const box = [1, 2, 4, 6].map((width) => mixture.terms({ kind: "box", width }));
  const rest = box.map(({ joint, x, y }) => joint - x - y);
  assert.ok(rest[0] < 0.1 && rest[0] < rest[1] && rest[1] < rest[2] && rest[2] < rest[3]);
  near(rest[3], mixture.truth, 1e-5);
});

test("the second moment of the ratio is what points of the reference say", () => {
  const mixture = new Mixture(0.9);
  for (const reference of [{ kind: "gaussian", width: 2 }, { kind: "box", width: 3.2 }]) {
    const [x, y] = [5, 6].map((seed) => drawReference(reference, 100000, new Stream(seed)));
    const density = (u, v) => Math.exp(mixture.information(u, v) - (u * u + v * v) / 2) / (2 * Math.PI);
    const one = (v) => (reference.kind === "box" ? 1 / (2 * reference.width) : Math.exp(-((v / reference.width) ** 2) / 2) / (reference.width * Math.sqrt(2 * Math.PI)));
    let squares = 0;
    x.forEach((u, i) => (squares += (density(u, y[i]) / (one(u) * one(y[i]))) ** 2 / x.length));
    near(squares / mixture.terms(reference).moment, 1, 0.05);
  }
});

test("MI-NEE and MINE train to the oracle, but not from a narrow or a wide reference", () => {
  const mixture = new Mixture(0.9);
  const samples = [1, 2, 3].map((seed) => mixture.sample(400, new Stream(seed)));
  const finish = (run) => {
    for (let k = 0; k < LIMIT; k++) run.step();
    assert.equal(run.count, LIMIT);
    return run.last;
  };
  const errors = (width) =>
    samples.map((sample, k) => finish(new ThreeCritics(sample, { kind: "gaussian", width }, new Stream(k)))[3] - mixture.oracle(sample));
  const [fitting, wide, narrow] = [errors(1), errors(3), errors(0.6)];
  assert.ok(fitting.every((error) => Math.abs(error) < 0.12), fitting.join());
  assert.ok(Math.hypot(...narrow) > 3 * Math.hypot(...fitting), `${narrow} against ${fitting}`);
  assert.ok(scatter(wide).mean < scatter(fitting).mean - 0.03, "the same training gets less far from a wide reference");
  const mine = finish(new OneCritic(samples[0], new Stream(9)))[0] - mixture.oracle(samples[0]);
  near(mine, 0, 0.12);
});

test("mean and standard deviation of a few estimates", () => {
  assert.deepEqual(scatter([1, 2, 3]), { mean: 2, sd: 1 });
});

test("a training draws its batches from the points that it was given", () => {
  const sample = new Mixture(0.9).sample(400, new Stream(1));
  const run = new ThreeCritics(sample, [new Float64Array(50).fill(3), new Float64Array(50).fill(-2)], new Stream(2));
  assert.ok(run.pool[0].every((v) => v === 3) && run.pool[1].every((v) => v === -2));
});

test("axes have round numbers and true minus signs", () => {
  assert.deepEqual(ticks(-4, 4, 4), [-4, -2, 0, 2, 4]);
  assert.deepEqual(ticks(0, 0.5, 5), [0, 0.1, 0.2, 0.3, 0.4, 0.5]);
  assert.equal(number(-0.25), "−0.25");
  assert.equal(number(1.23456, 2), "1.23");
});

/** A runtime in which a call notes its batches and a critic is x y: what `Training` feeds to the graphs. */
function noted(loss = 0) {
  const batches = [];
  const Tensor = class {
    constructor(_type, data, dims) {
      Object.assign(this, { data, dims });
    }
  };
  const step = {
    run: async (feeds) => {
      const [steps, b] = feeds.all_x.dims;
      const rows = (values, j) => values.data.slice(j * b, (j + 1) * b);
      for (let j = 0; j < steps; j++) {
        const [x, y, away] = [feeds.all_x, feeds.all_y, feeds.all_y_ref].map((values) => rows(values, j));
        batches.push({ x, y, away, count: feeds.first_count.data[0] + j });
      }
      return { last_state: feeds.first_state, last_m: feeds.first_m, losses: { data: new Array(steps).fill(loss) } };
    },
  };
  const critic = { run: async ({ x, y }) => ({ log_ratio: { data: x.data.map((v, i) => v * y.data[i]) } }) };
  return [batches, { Tensor }, { step, critic }];
}
const SETTINGS = { rho: 0.6, n: 200, b: 50, beta: 0.9, lr: 1e-3, start: "he", seed: 2 };

test("two epochs in one call use every pair twice and no true pair as reference", async () => {
  const [batches, runtime, graphs] = noted();
  const run = new Training(runtime, graphs, [["w", [3, 2]], ["b", [3]]], SETTINGS);
  await run.epochs(2);
  assert.equal(batches.length, 8);
  const { x, y } = drawPairs(SETTINGS).data;
  for (const epoch of [batches.slice(0, 4), batches.slice(4)]) {
    const used = epoch.flatMap((batch) => [...batch.x]);
    assert.deepEqual(used.toSorted(), [...x].toSorted());
  }
  for (const batch of batches)
    batch.x.forEach((v, i) => {
      const row = x.indexOf(v);
      assert.equal(batch.y[i], y[row], "a pair stays a pair");
      assert.ok(batch.away[i] !== y[row] && y.includes(batch.away[i]));
    });
  assert.deepEqual(batches.map(({ count }) => count), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(epochsBetween(SETTINGS), 3, "at least ten iterations between two looks");
});

test("an estimate compares the pairs with as many shifts of them as it may", async () => {
  for (const [n, shifts] of [[200, SHIFTS], [2000, MOST / 2000]]) {
    const [, runtime, graphs] = noted();
    const run = new Training(runtime, graphs, [["w", [3, 2]]], { ...SETTINGS, n });
    const asked = [];
    const { run: critic } = graphs.critic;
    graphs.critic.run = async (feeds) => (asked.push(feeds), critic(feeds));
    const { x, y } = run.data;
    const { estimate } = await run.value(run.data);
    const [pairs, reference] = asked;
    assert.deepEqual([pairs.x.data, pairs.y.data], [x, y]);
    assert.equal(reference.x.data.length, shifts * n);
    const places = new Set();
    for (let s = 0; s < shifts; s++) {
      const place = y.indexOf(reference.y.data[s * n]);
      places.add(place);
      for (let i = 0; i < n; i++) {
        assert.equal(reference.x.data[s * n + i], x[i]);
        assert.equal(reference.y.data[s * n + i], y[(i + place) % n]);
      }
    }
    assert.ok(places.size === shifts && !places.has(0), "different shifts, none of them zero");
    const t = (v) => v.x.data.map((u, i) => u * v.y.data[i]);
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    near(estimate, mean(t(pairs)) - Math.log(mean(t(reference).map(Math.exp))), 1e-4);
  }
});

test("a loss that is not finite stops the training with a sentence", async () => {
  const [, runtime, graphs] = noted(Infinity);
  const run = new Training(runtime, graphs, [["w", [3, 2]]], SETTINGS);
  await assert.rejects(run.epochs(), /The loss is Infinity at iteration 0.*smaller learning rate/);
});
