// Reference pairs made of the data: how many, chosen how, and how far the reference term then scatters.
import { Stream, bin1, bin2, covariance, floats, grid, integers, kde1, kde2, moments, scott, smooth2 } from "./maths.mjs";
import { Stage, axes, clipped, key, line, number, words } from "./figure.mjs";
import { board, contours } from "./pairboard.mjs";
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

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement}} place */
function render({ model, el }) {
  const X = floats(model.get("x"));
  const Y = floats(model.get("y"));
  const n = X.length;
  const rho = model.get("rho");
  const [[lowX, highX], [lowY, highY]] = model.get("limits");
  const own = model.get("own"); // which methods the kernel's own function serves
  const stage = new Stage(el, "Resampling: reference pairs from the data");

  let method = /** @type {import("./spread.mjs").Method} */ (model.get("method"));
  let size = model.get("size");
  let seed = model.get("seed");
  let lam = 1;
  let J = new Int32Array(0);
  let K = new Int32Array(0);
  const x = new Float64Array(Math.max(10 * n, SHOWN));
  const y = new Float64Array(x.length);
  /** @type {number[]} */
  let truePairs = [];
  /** @type {import("./pairboard.mjs").Margin[]} */
  let margins = [];
  /** @type {number[][]} */
  let levels = [];
  let fault = "";

  // --- the choice of pairs
  const most = () => (method === "without" ? n : 10 * n);
  const total = () => (method === "all" ? n * (n - 1) : size);
  stage.choice({
    label: "Choose pairs",
    options: METHODS,
    value: method,
    act: (value) => {
      method = /** @type {import("./spread.mjs").Method} */ (value);
      size = Math.min(size, most());
      slider.set({ high: most(), value: size, enabled: method !== "all" });
      ask();
    },
  });
  const slider = stage.range({
    label: "Pairs n′",
    low: 2,
    high: most(),
    step: 1,
    value: size,
    show: () => (method === "all" ? `all ${n * (n - 1)}` : `${size} (${number(size / n, 2)} n)`),
    act: (value) => {
      size = value;
      slider.tell();
      ask();
    },
  });
  stage.button("Draw again", () => {
    seed++;
    ask();
  });

  /** With a kernel, the reader's own function chooses what it serves; else this module. */
  const served = () => Boolean(model.send) && own.includes(method);
  let waiting = false;
  let again = false;
  let patience = 0;
  function ask() {
    clearTimeout(patience);
    if (!served()) {
      fault = ""; // of another choice
      return stage.update();
    }
    patience = setTimeout(() => stage.say("The kernel does not answer: is it running, and was this cell run in it?"), 5000);
    again = waiting;
    if (waiting) return;
    waiting = true;
    model.send?.({ ask: "rows", method, size });
  }
  /** @param {{error?: string}} reply @param {DataView[]} buffers */
  function answered(reply, buffers) {
    waiting = false;
    clearTimeout(patience);
    if (!served()) return; // the reader has gone on to a choice that this module makes
    if (again) return ask(); // or has asked for something else since
    fault = reply.error ?? "";
    if (!fault) [J, K] = buffers.map(integers);
    stage.update();
  }
  model.on("msg:custom", answered);

  stage.compute = () => {
    if (!served()) ({ J, K } = choose(method, n, method === "all" ? SHOWN : size, new Stream(seed)));
    const m = J.length;
    truePairs = [];
    for (let i = 0; i < m; i++) {
      x[i] = X[J[i]];
      y[i] = Y[K[i]];
      if (J[i] === K[i]) truePairs.push(i);
    }
    const all = method === "all";
    margins = all ? [kde1(X, n), kde1(Y, n)] : [kde1(x, m), kde1(y, m)];
    levels = contours(all ? allPairs() : kde2(x, y, m));
    restart();
    tell();
  };

  /** The density estimate of all pairs off the diagonal, from the counts of the two columns. */
  function allPairs() {
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

  stage.canvas({
    shape: 1,
    describe: () => {
      const marked = truePairs.length === 1 ? "1 true pair is" : `${truePairs.length} true pairs are`;
      return `Scatter of ${J.length} reference pairs with density contours and two marginal densities; ${marked} marked.`;
    },
    draw: (ctx, width, height, c) => {
      const look = { x: { low: lowX, high: highX, label: "x′" }, y: { low: lowY, high: highY, label: "y′" }, colour: c.reference };
      board(ctx, width, height, c, look, { x, y, m: J.length, levels, margins }, (f) => {
        for (const i of truePairs) {
          ctx.beginPath();
          ctx.arc(f.x(x[i]), f.y(y[i]), 4.5, 0, 7);
          ctx.fillStyle = c.joint;
          ctx.fill();
          ctx.strokeStyle = "#fff";
          ctx.stroke();
        }
      });
    },
  });

  // --- the scatter of the reference term over fresh samples, if the law is known
  /** @type {number[]} */
  let terms = [];
  let stream = new Stream(seed);
  let theory = 0;
  const terminal = () => Math.max(1, Math.min(SAMPLES, Math.floor(2e7 / total())));
  function restart() {
    if (rho === null) return;
    terms = [];
    stream = new Stream(seed + 1000003);
    theory = spreadTheory(method, n, total(), rho, lam);
    stage.run(() => {
      const end = performance.now() + WORK;
      const goal = terminal();
      while (terms.length < goal && performance.now() < end)
        terms.push(method === "all" ? allTerm() : spreadSample(method, n, size, rho, lam, stream));
      if (terms.length >= goal) tell();
      return terms.length < goal;
    });
  }
  /** The reference term over all pairs: n at a time, so that one sample takes a few frames at most. */
  function allTerm() {
    return spreadSample("derangement", n, n * (n - 1), rho, lam, stream);
  }
  const spread = () => {
    const { variance } = moments(terms, terms.length);
    return Math.sqrt(variance);
  };
  if (rho !== null) {
    stage.choice({
      label: "Critic: λ times the optimal one",
      options: [["1", "λ = 1, the optimal critic"], ["0.8", "λ = 0.8"], ["0.5", "λ = 0.5, half grown"]],
      value: "1",
      act: (value) => {
        lam = Number(value);
        restart();
        stage.redraw();
      },
    });
    stage.canvas({
      shape: 0.8,
      describe: () => `Histogram of the reference term over ${terms.length} fresh samples. ${sentence()}`,
      draw: (ctx, width, height, c) => {
        const box = { left: 48, top: 62, right: width - 8, bottom: height - 40 };
        const middle = Math.log(ratioMoment(rho, lam));
        const half = 0.25;
        const bins = new Float64Array(25);
        for (const term of terms) {
          const k = Math.floor(((term - middle + half) / (2 * half)) * 25);
          bins[Math.min(24, Math.max(0, k))]++;
        }
        const top = Math.max(8, ...bins) * 1.1;
        const across = { low: middle - half, high: middle + half, label: "log avg eᵗ, fresh samples [nats]" };
        const f = axes(ctx, box, across, { low: 0, high: top, label: "samples" }, c);
        ctx.fillStyle = c.estimate;
        bins.forEach((count, k) => {
          const left = f.x(middle - half + (k / 25) * 2 * half);
          ctx.fillRect(left + 1, f.y(count), (f.right - f.left) / 25 - 2, f.bottom - f.y(count));
        });
        if (Number.isFinite(theory)) {
          const area = (terms.length * 2 * half) / 25;
          const xs = Float64Array.from({ length: 161 }, (_, i) => middle - half + (i / 160) * 2 * half);
          const ys = xs.map((v) => (area * Math.exp(-((v - middle) ** 2) / (2 * theory ** 2))) / (theory * Math.sqrt(2 * Math.PI)));
          clipped(ctx, f, () => line(ctx, f, xs, ys, c.ink, { dash: [5, 3] }));
        }
        const found = terms.length > 1 ? number(spread(), 4) : "…";
        const told = Number.isFinite(theory) ? number(theory, 4) : "infinite: true pairs";
        key(ctx, box.left, 12, c, [
          [`spread measured ${found} (${terms.length} samples)`, c.estimate],
          [`spread in theory ${told}`, c.ink, [5, 3]],
        ]);
        words(ctx, `noise of the data ${number(rho / Math.sqrt(n), 4)}`, box.left + 24, 44, c.muted);
      },
    });
  }
  function sentence() {
    if (terms.length < 2) return "";
    const told = Number.isFinite(theory) ? number(theory, 4) : "infinite, because of the true pairs";
    return `Spread of the reference term: measured ${number(spread(), 4)}, in theory ${told}.`;
  }
  function tell() {
    if (fault) return stage.say(`Your function stopped with ${fault}`);
    const pairs = method === "all" ? `${n * (n - 1)} pairs, ${J.length} of them drawn` : `${J.length} pairs`;
    const marked = truePairs.length === 1 ? "1 true pair" : `${truePairs.length} true pairs`;
    const source = served() ? " Chosen by your own function." : "";
    stage.say(`${pairs}, ${marked}.${source} ${rho !== null && terms.length >= terminal() ? sentence() : ""}`);
  }

  ask();
  return () => {
    model.off("msg:custom", answered);
    clearTimeout(patience);
    stage.destroy();
  };
}

export default { render };
