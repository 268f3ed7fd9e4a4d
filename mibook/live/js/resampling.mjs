// Reference pairs made of the data: how many, chosen how, and how far the reference term then scatters.
import { Stream, bin1, bin2, covariance, floats, grid, integers, kde1, kde2, moments, scott, smooth2 } from "./maths.mjs";
import { Stage, axes, beyond, clipped, key, line, number, words } from "./figure.mjs";
import { board, contours } from "./pairboard.mjs";
import { Prediction } from "./predict.mjs";
import { counted, forAFrame, histogram } from "./player.mjs";
import { choose, ratioMoment, spreadSample, spreadTheory } from "./spread.mjs";

const SHOWN = 10000; // of all n(n - 1) pairs, so many are drawn as dots
const SAMPLES = 100;
const WORK = 6; // milliseconds of a frame spent on the histogram

/** @type {[string, string][]} */
const METHODS = [
  ["without", "without replacement (permutations)"],
  ["derangement", "derangements (shifts)"],
  ["with", "with replacement"],
  ["all", "all pairs off the diagonal"],
];

/** A choice of pairs, what is estimated from them, and the scatter of the reference term over fresh samples. */
class Choice {
  /** @param {import("./figure.mjs").Model} model */
  constructor(model) {
    this.X = floats(model.get("x"));
    this.Y = floats(model.get("y"));
    this.n = this.X.length;
    /** @type {number | null} */
    this.rho = model.get("rho");
    this.limits = model.get("limits");
    this.method = /** @type {import("./spread.mjs").Method} */ (model.get("method"));
    this.size = model.get("size");
    this.seed = model.get("seed");
    this.lam = 1;
    this.J = new Int32Array(0);
    this.K = new Int32Array(0);
    this.x = new Float64Array(Math.max(10 * this.n, SHOWN));
    this.y = new Float64Array(this.x.length);
    /** @type {number[]} */
    this.truePairs = [];
    /** @type {import("./pairboard.mjs").Margin[]} */
    this.margins = [];
    /** @type {number[][]} */
    this.levels = [];
    /** @type {number[]} */
    this.terms = [];
    this.stream = new Stream(this.seed);
    this.theory = 0;
  }

  get all() {
    return this.method === "all";
  }

  most() {
    return this.method === "without" ? this.n : 10 * this.n;
  }

  total() {
    return this.all ? this.n * (this.n - 1) : this.size;
  }

  /** Choose the rows by this module. */
  choose() {
    const { J, K } = choose(this.method, this.n, this.all ? SHOWN : this.size, new Stream(this.seed));
    this.J = J;
    this.K = K;
  }

  /** The pairs of the chosen rows, and their densities. */
  compute() {
    const { X, Y, J, K, x, y } = this;
    const m = J.length;
    this.truePairs = [];
    for (let i = 0; i < m; i++) {
      x[i] = X[J[i]];
      y[i] = Y[K[i]];
      if (J[i] === K[i]) this.truePairs.push(i);
    }
    this.margins = this.all ? [kde1(X, this.n), kde1(Y, this.n)] : [kde1(x, m), kde1(y, m)];
    this.levels = contours(this.all ? offDiagonal(X, Y, this.n) : kde2(x, y, m));
  }

  marked() {
    return this.truePairs.length === 1 ? "1 true pair" : `${this.truePairs.length} true pairs`;
  }

  /** Begin anew with the scatter of the reference term. @param {number} rho */
  restart(rho) {
    this.terms = [];
    this.stream = new Stream(this.seed + 1000003);
    this.theory = spreadTheory(this.method, this.n, this.total(), rho, this.lam);
  }

  /** How many fresh samples are drawn. */
  goal() {
    return Math.max(1, Math.min(SAMPLES, Math.floor(2e7 / this.total())));
  }

  /** One fresh sample more; whether there is another. @param {number} rho */
  another(rho) {
    if (this.terms.length < this.goal()) {
      // The reference term over all pairs: n at a time, so that one sample takes a few frames at most.
      const method = this.all ? "derangement" : this.method;
      this.terms.push(spreadSample(method, this.n, this.total(), rho, this.lam, this.stream));
    }
    return this.terms.length < this.goal();
  }

  spread() {
    return Math.sqrt(moments(this.terms, this.terms.length).variance);
  }

  sentence() {
    if (this.terms.length < 2) return "";
    const told = Number.isFinite(this.theory) ? number(this.theory, 4) : "infinite, because of the true pairs";
    return `Spread of the reference term: measured ${number(this.spread(), 4)}, in theory ${told}.`;
  }
}

/** The density estimate of all pairs off the diagonal, from the counts of the two columns.
 * @param {Float64Array} X @param {Float64Array} Y @param {number} n */
function offDiagonal(X, Y, n) {
  const [mx, my] = [moments(X, n), moments(Y, n)];
  const f = scott(n * (n - 1), 2) ** 2;
  const cxy = (-f * covariance(X, Y, n, mx.mean, my.mean)) / (n - 1);
  const gx = grid(mx.low, mx.high, Math.sqrt(f * mx.variance), 128);
  const gy = grid(my.low, my.high, Math.sqrt(f * my.variance), 128);
  const [ax, ay] = [bin1(X, n, gx), bin1(Y, n, gy)];
  const counts = bin2(X, Y, n, gx, gy);
  for (let row = 0; row < 128; row++) for (let k = 0; k < 128; k++) counts[row * 128 + k] = ax[k] * ay[row] - counts[row * 128 + k];
  return { gx, gy, values: smooth2(counts, gx, gy, f * mx.variance, cxy, f * my.variance, n * (n - 1)) };
}

/** @param {Choice} figure @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawChosen(figure, ctx, width, height, c) {
  const { x, y, levels, margins } = figure;
  const [[lowX, highX], [lowY, highY]] = figure.limits;
  const look = { x: { low: lowX, high: highX, label: "x′" }, y: { low: lowY, high: highY, label: "y′" }, colour: c.reference };
  board(ctx, width, height, c, look, { x, y, m: figure.J.length, levels, margins }, (f) => {
    for (const i of figure.truePairs) {
      ctx.beginPath();
      ctx.arc(f.x(x[i]), f.y(y[i]), 4.5, 0, 7);
      ctx.fillStyle = c.joint;
      ctx.fill();
      ctx.strokeStyle = "#fff";
      ctx.stroke();
    }
  });
}

/** @param {Choice} figure @param {number} rho @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c @param {Stage} stage */
function drawSpread(figure, rho, ctx, width, height, c, stage) {
  const { terms, theory } = figure;
  const box = { left: 48, top: 62, right: width - 8, bottom: height - 40 };
  const [middle, half] = [Math.log(ratioMoment(rho, figure.lam)), 0.25];
  const bins = counted(terms, terms.length, middle - half, middle + half, 25, true);
  const top = Math.max(8, ...bins) * 1.1;
  const across = { low: middle - half, high: middle + half, label: "log avg eᵗ, fresh samples [nats]" };
  const f = axes(ctx, box, across, { low: 0, high: top, label: "samples" }, c);
  clipped(ctx, f, () => stage.prediction?.draw(ctx, f, c));
  if (stage.covered) return;
  histogram(ctx, f, bins, c.estimate);
  for (const term of terms) beyond(ctx, f, term, 0, c.estimate);
  if (Number.isFinite(theory)) {
    const mass = (terms.length * 2 * half) / 25;
    const xs = Float64Array.from({ length: 161 }, (_, i) => middle - half + (i / 160) * 2 * half);
    const ys = xs.map((v) => (mass * Math.exp(-((v - middle) ** 2) / (2 * theory ** 2))) / (theory * Math.sqrt(2 * Math.PI)));
    clipped(ctx, f, () => line(ctx, f, xs, ys, c.ink, { dash: [5, 3] }));
  }
  const found = terms.length > 1 ? number(figure.spread(), 4) : "…";
  const told = Number.isFinite(theory) ? number(theory, 4) : "infinite: true pairs";
  key(ctx, box.left, 12, c, [
    [`spread measured ${found} (${terms.length} samples)`, c.estimate],
    [`spread in theory ${told}`, c.ink, [5, 3]],
  ]);
  words(ctx, `noise of the data ${number(rho / Math.sqrt(figure.n), 4)}`, box.left + 24, 44, c.muted);
}

/** The reader's own function, in a kernel: one question at a time, and the last one asked is the one that counts. */
class Asked {
  /** @param {import("./figure.mjs").Model} model @param {Choice} figure @param {Stage} stage */
  constructor(model, figure, stage) {
    this.model = model;
    this.figure = figure;
    this.stage = stage;
    this.own = model.get("own"); // which methods the kernel's own function serves
    this.fault = "";
    this.waiting = false;
    this.again = false;
    this.patience = 0;
    this.heard = (/** @type {{error?: string}} */ reply, /** @type {DataView[]} */ buffers) => this.answered(reply, buffers);
    model.on("msg:custom", this.heard);
  }

  /** With a kernel, the reader's own function chooses what it serves; else this module. */
  served() {
    return Boolean(this.model.send) && this.own.includes(this.figure.method);
  }

  ask() {
    clearTimeout(this.patience);
    if (!this.served()) {
      this.fault = ""; // of another choice
      return this.stage.update();
    }
    const quiet = "The kernel does not answer: is it running, and was this cell run in it?";
    this.patience = setTimeout(() => this.stage.say(quiet), 5000);
    this.again = this.waiting;
    if (this.waiting) return;
    this.waiting = true;
    this.model.send?.({ ask: "rows", method: this.figure.method, size: this.figure.size });
  }

  /** @param {{error?: string}} reply @param {DataView[]} buffers */
  answered(reply, buffers) {
    this.waiting = false;
    clearTimeout(this.patience);
    if (!this.served()) return; // the reader has gone on to a choice that this module makes
    if (this.again) return this.ask(); // or has asked for something else since
    this.fault = reply.error ?? "";
    if (!this.fault) [this.figure.J, this.figure.K] = buffers.map(integers);
    this.stage.update();
  }

  destroy() {
    this.model.off("msg:custom", this.heard);
    clearTimeout(this.patience);
  }
}

/** What the figure shows now. @param {Choice} figure @param {Asked} asked */
function shownNow(figure, asked) {
  if (asked.fault) return `Your function stopped with ${asked.fault}`;
  const { n, J } = figure;
  const pairs = figure.all ? `${n * (n - 1)} pairs, ${J.length} of them drawn` : `${J.length} pairs`;
  const source = asked.served() ? " Chosen by your own function." : "";
  const done = figure.rho !== null && figure.terms.length >= figure.goal();
  return `${pairs}, ${figure.marked()}.${source} ${done ? figure.sentence() : ""}`;
}

/** @param {Choice} figure @param {Stage} stage @param {Asked} asked */
function choosers(figure, stage, asked) {
  stage.choice({
    label: "Choose pairs",
    name: "method",
    options: METHODS,
    value: figure.method,
    act: (value) => {
      figure.method = /** @type {import("./spread.mjs").Method} */ (value);
      figure.size = Math.min(figure.size, figure.most());
      slider.set({ high: figure.most(), value: figure.size, enabled: !figure.all });
      asked.ask();
    },
  });
  const slider = stage.range({
    label: "Pairs n′",
    name: "pairs",
    low: 2,
    high: figure.most(),
    step: 1,
    value: figure.size,
    show: () => (figure.all ? `all ${figure.total()}` : `${figure.size} (${number(figure.size / figure.n, 2)} n)`),
    act: (value) => {
      figure.size = value;
      slider.tell();
      asked.ask();
    },
  });
  stage.dial("seed", String(figure.seed), (text) => {
    if (!/^\d{1,6}$/.test(text)) return;
    figure.seed = Number(text);
    asked.ask();
  });
  stage.button("Draw again", () => {
    figure.seed++;
    stage.remember("seed", figure.seed);
    asked.ask();
  });
  stage.resettable(() => asked.ask());
}

/** The scatter of the reference term, where the law is known. @param {Choice} figure @param {number} rho @param {Stage} stage
 * @param {() => void} restart */
function scattered(figure, rho, stage, restart) {
  stage.choice({
    label: "Critic: λ times the optimal one",
    name: "lambda",
    options: [["1", "λ = 1, the optimal critic"], ["0.8", "λ = 0.8"], ["0.5", "λ = 0.5, half grown"]],
    value: "1",
    act: (value) => {
      figure.lam = Number(value);
      restart();
      stage.redraw();
    },
  });
  const prediction = new Prediction(stage, {
    question: "How far will the reference term scatter, one standard deviation to each side?",
    low: 0,
    high: 0.25,
    step: 0.005,
    digits: 3,
    axis: "x",
    middle: () => Math.log(ratioMoment(rho, figure.lam)),
    answer: () => (figure.terms.length >= figure.goal() ? figure.spread() : null),
  });
  const { canvas } = stage.canvas({
    shape: 0.8,
    describe: () => `Histogram of the reference term over ${figure.terms.length} fresh samples. ${figure.sentence()}`,
    draw: (ctx, width, height, c) => drawSpread(figure, rho, ctx, width, height, c, stage),
  });
  prediction.listen(canvas);
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const stage = new Stage(el, "Resampling: reference pairs from the data", memory);
  const figure = new Choice(model);
  const asked = new Asked(model, figure, stage);
  const tell = () => stage.say(shownNow(figure, asked));
  const { rho } = figure;
  const restart = () => {
    if (rho === null) return;
    figure.restart(rho);
    stage.run(() => {
      const more = forAFrame(WORK, () => figure.another(rho));
      if (!more) {
        stage.prediction?.settle();
        tell();
      }
      return more;
    });
  };
  choosers(figure, stage, asked);
  stage.canvas({
    shape: 1,
    describe: () => {
      const verb = figure.truePairs.length === 1 ? "is" : "are";
      const what = `Scatter of ${figure.J.length} reference pairs with density contours and two marginal densities`;
      return `${what}; ${figure.marked()} ${verb} marked.`;
    },
    draw: (ctx, width, height, c) => drawChosen(figure, ctx, width, height, c),
  });
  if (rho !== null) scattered(figure, rho, stage, restart);
  stage.compute = () => {
    if (!asked.served()) figure.choose();
    figure.compute();
    restart();
    tell();
  };
  asked.ask();
  return () => {
    asked.destroy();
    stage.destroy();
  };
}

export default { render };
