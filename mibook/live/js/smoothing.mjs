// The dial of the moving average: bias and noise of the gradient at the best weight, and the drift of the constant.
import { Stream } from "./maths.mjs";
import { Stage, axes, beyond, clipped, key, line, number, words } from "./figure.mjs";
import { Player, counted, forAFrame, histogram } from "./player.mjs";

export const LIMIT = 10000; // iterations
const RATE = 0.5; // the step size of gradient descent
const [PER_FRAME, WORK] = [25, 6]; // iterations in a frame at most, milliseconds spent on them at most
const BARS = 41;

/** Moments of e^t under the reference and of its derivative G along w or along an added constant, at t = -w (x-y)²/2.
 * @typedef {{mean: number, slope: number, variance: number, covariance: number, slopeVariance: number}} Moments */

/** @param {number} w @returns {Moments} */
export function alongWeight(w) {
  const [a, v] = [1 + 2 * w, 1 + 4 * w];
  return {
    mean: a ** -0.5,
    slope: -(a ** -1.5),
    variance: v ** -0.5 - 1 / a,
    covariance: a ** -2 - v ** -1.5,
    slopeVariance: 3 * v ** -2.5 - a ** -3,
  };
}

/** @param {number} w @returns {Moments} */
export function alongConstant(w) {
  const { mean, variance } = alongWeight(w);
  return { mean, slope: mean, variance, covariance: variance, slopeVariance: variance };
}

/** The bias of the smoothed gradient, to first order in 1/b. @param {Moments} M @param {number} b @param {number} beta */
export function biasTheory(M, b, beta) {
  const [covariance, variance] = [-M.covariance / M.mean ** 2, (M.variance * M.slope) / M.mean ** 3];
  return ((1 - beta) * covariance + ((1 - beta) / (1 + beta)) * variance) / b;
}

/** The standard deviation of one smoothed gradient, to first order. @param {Moments} M @param {number} b @param {number} beta */
export function noiseTheory(M, b, beta) {
  const r = M.slope / M.mean;
  const inside = M.slopeVariance - 2 * (1 - beta) * r * M.covariance + ((1 - beta) / (1 + beta)) * r ** 2 * M.variance;
  return Math.sqrt(inside / b) / M.mean;
}

/** How fast the constant climbs, per iteration. @param {number} w @param {number} b @param {number} beta */
export function driftTheory(w, b, beta) {
  const M = alongWeight(w);
  return (RATE * M.variance * beta * (1 - beta) ** 2) / (M.mean ** 2 * b * (1 - beta ** 2 * (1 - RATE) ** 2));
}

/** Two chains on the same batches: the gradient at the best weight, held fixed, and gradient descent on w and c. */
export class Descent {
  /** @param {{rho: number, beta: number, b: number, m0: number, seed: number}} options */
  constructor({ rho, beta, b, m0, seed }) {
    this.own = 1 - rho;
    this.best = rho / (2 * (1 - rho));
    this.M = alongWeight(this.best);
    this.beta = beta;
    this.b = b;
    this.stream = new Stream(seed);
    this.buffer = new Float64Array(2 * b);
    this.fixed = m0; // the moving average at the best weight
    this.m = m0; // the moving average of the training
    this.w = 1;
    this.c = 0;
    this.count = 0;
    this.start = Math.min(LIMIT / 2, Math.ceil(10 / (1 - beta))); // by then m0 is forgotten
    this.gradients = new Float64Array(LIMIT); // dL'/m along w, at the best weight
    this.weights = new Float64Array(LIMIT);
    this.constants = new Float64Array(LIMIT);
    this.logs = new Float64Array(LIMIT); // log m of the training
    this.excess = 0; // sum of what the gradient has too much, its part of mean zero left out
  }

  step() {
    const { b, beta, M, best } = this;
    const z = this.stream.normals(this.buffer); // b for the reference, then b for the data
    let [level, slope, mean, pull, data] = [0, 0, 0, 0, 0];
    for (let i = 0; i < b; i++) {
      const u = z[i] * z[i];
      const still = Math.exp(-best * u);
      level += still;
      slope -= u * still;
      const e = Math.exp(this.c - this.w * u);
      mean += e;
      pull += u * e;
      data += this.own * z[b + i] * z[b + i];
    }
    level /= b;
    slope /= b;
    mean /= b;
    this.fixed = beta * this.fixed + (1 - beta) * level;
    const ratio = slope / this.fixed;
    const target = M.slope / M.mean;
    if (this.count >= this.start) {
      const linear = (slope - M.slope) / M.mean - (target * (this.fixed - M.mean)) / M.mean;
      this.excess += ratio - target - linear;
    }
    this.m = beta * this.m + (1 - beta) * mean;
    this.w -= RATE * (data / b - pull / b / this.m);
    this.c += RATE * (1 - mean / this.m);
    this.gradients[this.count] = ratio;
    this.weights[this.count] = this.w;
    this.constants[this.count] = this.c;
    this.logs[this.count] = Math.log(this.m);
    this.count++;
  }

  /** The measured bias and noise of the gradient along w; null until m0 is forgotten. */
  measured() {
    const k = this.count - this.start;
    if (k < 50) return null;
    let [sum, squares] = [0, 0];
    for (let i = this.start; i < this.count; i++) sum += this.gradients[i];
    for (let i = this.start; i < this.count; i++) squares += (this.gradients[i] - sum / k) ** 2;
    return { bias: this.excess / k, noise: Math.sqrt(squares / k) };
  }
}

/** Two chains, their settings, and what is said of them. */
class Dial {
  /** @param {import("./figure.mjs").Model} model */
  constructor(model) {
    this.settings = { rho: model.get("rho"), beta: model.get("beta"), b: model.get("b"), m0: model.get("m0"), seed: model.get("seed") };
    this.run = new Descent(this.settings);
    for (let j = 0; j < model.get("iterations"); j++) this.run.step();
  }

  restart() {
    this.run = new Descent(this.settings);
  }

  /** One iteration, if there is one left; whether there is another. */
  step() {
    if (this.run.count < LIMIT) this.run.step();
    return this.run.count < LIMIT;
  }

  sentence() {
    const { run } = this;
    const found = run.measured();
    if (!found) return `${run.count} iterations; the average has not yet forgotten its start.`;
    const [bias, noise] = [biasTheory(run.M, run.b, run.beta), noiseTheory(run.M, run.b, run.beta)];
    return (
      `${run.count} iterations. Gradient along w: bias ${number(found.bias, 5)} (first order ${number(bias, 5)}), ` +
      `noise ${number(found.noise, 4)} (${number(noise, 4)}). The constant stands at ${number(run.c, 2)}.`
    );
  }
}

/** @param {Descent} run @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawGradients(run, ctx, width, height, c) {
  const { M, b, beta } = run;
  const right = M.slope / M.mean;
  const half = 4.5 * Math.max(noiseTheory(M, b, 0), noiseTheory(M, b, beta));
  const counts = counted(run.gradients, run.count, right - half, right + half, BARS);
  const top = Math.max(10, ...counts) * 1.1;
  const box = { left: 54, top: 62, right: width - 8, bottom: height - 40 };
  const x = { low: right - half, high: right + half, label: "∇L′/m along w, at the best w [nats]" };
  const f = axes(ctx, box, x, { low: 0, high: top, label: "batches" }, c);
  histogram(ctx, f, counts, c.joint, { alpha: 0.6, gap: 1 });
  for (let j = 0; j < run.count; j++) beyond(ctx, f, run.gradients[j], 0, c.joint);
  const found = run.measured();
  line(ctx, f, [right, right], [0, top], c.ink, { width: 1.5 });
  if (found) line(ctx, f, [right + found.bias, right + found.bias], [0, top], c.reference, { dash: [5, 3], width: 2 });
  key(ctx, box.left, 12, c, [
    ["right gradient", c.ink],
    [`mean: bias ${found ? number(found.bias, 5) : "…"} (${number(biasTheory(M, b, beta), 5)})`, c.reference, [5, 3]],
  ]);
  const noise = `noise ${found ? number(found.noise, 4) : "…"} (${number(noiseTheory(M, b, beta), 4)})`;
  words(ctx, `${noise}; in brackets: theory`, box.left + 24, 44, c.muted);
}

/** @param {Descent} run @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawDrift(run, ctx, width, height, c) {
  const { count } = run;
  const stride = Math.max(1, Math.floor(count / 500));
  const xs = Float64Array.from({ length: Math.floor(count / stride) }, (_, i) => i * stride);
  const [weights, constants, logs] = [run.weights, run.constants, run.logs].map((values) => xs.map((j) => values[j]));
  const span = Math.max(1000, count);
  let [low, high] = [-1, 1.5 * run.best];
  for (const values of [weights, constants, logs]) for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  const box = { left: 54, top: 62, right: width - 14, bottom: height - 40 };
  const f = axes(ctx, box, { low: 0, high: span, label: "iteration" }, { low, high: high * 1.05, label: "[nats]" }, c);
  clipped(ctx, f, () => {
    line(ctx, f, [0, span], [run.best, run.best], c.muted, { width: 1 });
    line(ctx, f, xs, weights, c.joint);
    line(ctx, f, xs, logs, c.held, { width: 1 });
    line(ctx, f, xs, constants, c.reference, { width: 2 });
    const speed = driftTheory(run.best, run.b, run.beta);
    const from = Math.min(count - 1, Math.max(500, run.start));
    if (count > from + 1 && from > 0)
      line(ctx, f, [from, span], [run.constants[from], run.constants[from] + speed * (span - from)], c.ink, { dash: [2, 3] });
  });
  key(ctx, box.left, 12, c, [
    ["constant c", c.reference],
    ["its drift in theory", c.ink, [2, 3]],
  ]);
  key(ctx, box.left + 160, 12, c, [
    ["weight w", c.joint],
    ["log m", c.held],
  ]);
  words(ctx, `thin line: the best weight ${number(run.best, 2)}`, box.left + 24, 44, c.muted);
}

/** The buttons. @param {Dial} figure @param {Stage} stage */
function played(figure, stage) {
  const tell = () => stage.say(figure.sentence());
  const pause = () => {
    stage.run(null);
    player.show(false);
    tell();
  };
  const play = () => {
    if (figure.run.count >= LIMIT) figure.restart();
    player.show(true);
    stage.say("Running …");
    stage.run(() => {
      const more = forAFrame(WORK, () => figure.step(), PER_FRAME);
      stage.progress(figure.run.count, LIMIT);
      if (!more) pause();
      return more;
    });
  };
  /** @param {() => void} act */
  const halted = (act) => () => {
    pause();
    act();
    stage.progress(figure.run.count, LIMIT);
    tell();
    stage.redraw();
  };
  const acts = { step: halted(() => figure.step()), reset: halted(() => figure.restart()) };
  const player = new Player(stage, { playing: () => Boolean(stage.work), play, pause, ...acts });
  return play;
}

/** The settings. @param {Dial} figure @param {Stage} stage @param {(changed: Partial<Dial["settings"]>) => void} change */
function turned(figure, stage, change) {
  const { beta, b, m0 } = figure.settings;
  const fine = (/** @type {number} */ v) => number(v, 2);
  stage.range({ label: "β, weight of the past", name: "beta", low: 0, high: 0.99, step: 0.01, value: beta, show: fine, act: (v) => change({ beta: v }) });
  stage.choice({
    label: "Batch size b",
    name: "b",
    options: ["10", "20", "50", "100", "200", "500", "1000"].map((size) => [size, `b = ${size}`]),
    value: String(b),
    act: (size) => change({ b: Number(size) }),
  });
  stage.range({
    label: "Start m₀ of the average",
    name: "m0",
    low: -1,
    high: 1,
    step: 0.1,
    value: Math.log10(m0),
    show: (v) => number(Number((10 ** v).toPrecision(2))),
    act: (v) => change({ m0: 10 ** v }),
  });
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const stage = new Stage(el, "Smoothing: a moving average in the gradient, while it trains", memory);
  const figure = new Dial(model);
  turned(figure, stage, (changed) => {
    Object.assign(figure.settings, changed);
    figure.restart();
    if (!stage.work) play();
    stage.redraw();
  });
  const play = played(figure, stage);
  stage.canvas({
    shape: 0.8,
    describe: () => `Histogram of ${figure.run.count} gradients at the best weight. ${figure.sentence()}`,
    draw: (ctx, width, height, c) => drawGradients(figure.run, ctx, width, height, c),
  });
  stage.canvas({
    shape: 0.8,
    describe: () => {
      const { count, c, w } = figure.run;
      return `The constant and the weight over ${count} iterations of gradient descent; they stand at ${number(c, 2)} and ${number(w, 2)}.`;
    },
    draw: (ctx, width, height, c) => drawDrift(figure.run, ctx, width, height, c),
  });
  stage.say(figure.sentence());
  stage.redraw();
  return () => stage.destroy();
}

export default { render };
