// MINE trains while one watches: two estimates, and the critic beside the true log ratio.
import { floats } from "./maths.mjs";
import { Stage, axes, beyond, clipped, key, line, number, words } from "./figure.mjs";
import { Player } from "./player.mjs";
import { Prediction } from "./predict.mjs";
import { Trainer, serve } from "./trainer.mjs";
import { EDGE, SIDE, draw, information, landmarks } from "./training.mjs";

const [LEAST, MOST_SHOWN] = [-10, 3]; // nats at the ends of the scale of t, as in the still pictures
// Matplotlib's cividis at equal distances.
const CIVIDIS = [[0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120], [155, 148, 118], [188, 174, 108], [222, 201, 88], [254, 232, 56]];

/** @typedef {{iteration: number, estimate: number, held: number}} Look */

/** The colour of a value of t, in nats. @param {number} t */
function shade(t) {
  const at = ((CIVIDIS.length - 1) * (Math.min(MOST_SHOWN, Math.max(LEAST, t)) - LEAST)) / (MOST_SHOWN - LEAST);
  const k = Math.min(CIVIDIS.length - 2, Math.floor(at));
  return `rgb(${CIVIDIS[k].map((from, i) => Math.round(from + (at - k) * (CIVIDIS[k + 1][i] - from))).join()})`;
}

/** Colour a grid of values of t.
 * @param {CanvasRenderingContext2D} ctx @param {import("./figure.mjs").Frame} f @param {ArrayLike<number>} values */
function tiles(ctx, f, values) {
  const small = document.createElement("canvas");
  [small.width, small.height] = [SIDE, SIDE];
  const pen = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d"));
  for (let i = 0; i < values.length; i++) {
    pen.fillStyle = shade(values[i]);
    pen.fillRect(i % SIDE, SIDE - 1 - Math.floor(i / SIDE), 1, 1);
  }
  ctx.save();
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, f.left, f.top, f.right - f.left, f.bottom - f.top);
  ctx.restore();
}

/** A training as it is seen: that of the build, until the reader trains. */
class Seen {
  /** @param {import("./figure.mjs").Model} model */
  constructor(model) {
    /** @type {import("./training.mjs").Settings} */
    this.settings = { rho: 0, n: 0, b: 0, beta: 0, lr: 0, start: "", seed: 0 };
    for (const name of /** @type {("rho")[]} */ (Object.keys(this.settings))) this.settings[name] = model.get(name);
    this.iterations = model.get("iterations");
    const told = floats(model.get("history"));
    /** @type {Look[]} */
    this.looks = Array.from({ length: told.length / 3 }, (_, k) => ({
      iteration: told[3 * k],
      estimate: told[3 * k + 1],
      held: told[3 * k + 2],
    }));
    this.heat = floats(model.get("heat"));
    this.gap = model.get("gap");
    this.own = false; // trained here
    this.shown = { looks: this.looks, heat: this.heat };
    this.marks = { truth: 0, noise: 0, oracle: 0 };
    this.ratio = new Float64Array(SIDE * SIDE);
    this.survey();
  }

  /** What the settings alone decide: truth, noise, oracle and the true log ratio. */
  survey() {
    const { rho } = this.settings;
    const at = (/** @type {number} */ i) => -EDGE + (2 * EDGE * i) / (SIDE - 1);
    this.marks = landmarks(rho, draw(this.settings).data);
    this.ratio.forEach((_, i) => (this.ratio[i] = information(rho, at(i % SIDE), at(Math.floor(i / SIDE)))));
  }

  clear() {
    this.own = true;
    this.looks = [];
    this.heat = new Float64Array(0);
    this.gap = 0;
    this.show();
    this.survey();
  }

  show() {
    this.shown = { looks: this.looks.slice(), heat: this.heat };
  }

  finished() {
    return this.looks.length > 0 && this.looks[this.looks.length - 1].iteration >= this.iterations;
  }

  sentence() {
    const { truth, oracle } = this.marks;
    const goals = `The truth is ${number(truth, 3)}, the oracle of these pairs ${number(oracle, 3)}.`;
    if (!this.looks.length) return `Nothing trained yet. ${goals}`;
    const last = this.looks[this.looks.length - 1];
    return (
      `${last.iteration} iterations${this.own ? "" : ", run when the page was built; press Train for your own"}. ` +
      `Estimate ${number(last.estimate, 3)} nats, on held-out pairs ${number(last.held, 3)}. ${goals} ` +
      `Over the pairs, t is ${number(this.gap, 2)} nats from the true log ratio (root mean square).`
    );
  }
}

/** One question at a time to whoever trains: each answer asks for the next, as long as somebody looks. */
class Conductor {
  /** @param {Seen} seen @param {Stage} stage @param {import("./figure.mjs").Model} model @param {string} [assets] */
  constructor(seen, stage, model, assets) {
    this.seen = seen;
    this.stage = stage;
    this.kernel = Boolean(model.send);
    this.trainer = new Trainer(model, assets, (answer, view) => this.answered(answer, view), (text) => stage.say(text));
    this.run = 0;
    this.begun = false;
    this.waiting = false;
    this.playing = false;
    this.stepping = false;
    /** @type {Player | null} */
    this.player = null;
  }

  tell() {
    this.stage.prediction?.settle();
    this.stage.say(this.seen.sentence());
  }

  ask() {
    const { run } = this;
    this.waiting = true;
    const fresh = !this.begun;
    this.begun = true;
    this.trainer.ask(fresh ? { ask: "start", run, settings: this.seen.settings } : { ask: "more", run });
  }

  /** @param {import("./trainer.mjs").Answer} answer @param {DataView} [view] @returns {void} */
  answered({ run, error, iteration = 0, estimate = 0, held = 0, gap = 0 }, view) {
    const { seen, stage } = this;
    this.waiting = false;
    if (run === this.run && !error) stage.progress(Math.min(iteration, seen.iterations), seen.iterations);
    if (run !== this.run) {
      if (this.playing || this.stepping) this.ask(); // the settings have changed since: one question at a time, so none pile up
      return;
    }
    if (error) return this.failed(error);
    seen.looks.push({ iteration, estimate, held });
    seen.heat = floats(view);
    seen.gap = gap;
    if (this.stepping && iteration === 0) return this.ask();
    if (this.stepping || iteration >= seen.iterations) this.pause();
    if (!(this.playing && stage.calm)) seen.show();
    if (this.playing) this.goOn();
    else this.tell();
    stage.redraw();
  }

  /** @param {string} error */
  failed(error) {
    this.pause();
    this.trainer.dismiss();
    this.begun = false;
    const hint = "Complete your code, run its cell and then this one, and press Train.";
    this.stage.say(this.kernel ? `Your own code stopped with ${error} ${hint}` : error);
  }

  /** Ask for more, at once or when somebody looks. */
  goOn() {
    this.stage.say(this.kernel ? "Training in the kernel, with your own code …" : "Training in this browser …");
    if (this.stage.visible && !document.hidden) return this.ask();
    this.stage.run(() => {
      if (this.playing && !this.waiting) this.ask();
      return false;
    });
  }

  clear() {
    this.run++;
    this.begun = false;
    this.seen.clear();
    if (this.stage.bar) this.stage.progress(0, this.seen.iterations);
  }

  pause() {
    this.playing = false;
    this.stepping = false;
    this.player?.show(false);
    this.stage.run(null);
    this.seen.show();
    this.stage.redraw();
  }

  play() {
    this.renew();
    this.playing = true;
    this.player?.show(true);
    if (!this.waiting) this.ask();
  }

  step() {
    this.renew();
    this.pause();
    this.stepping = true;
    if (!this.waiting) this.ask();
  }

  /** Begin anew where there is nothing of the reader's own to go on with. */
  renew() {
    if (!this.seen.own || this.seen.finished()) this.clear();
  }

  /** Say what there is, or go on training if that is what it did. */
  proceed() {
    if (!this.playing) this.tell();
    else if (!this.waiting) this.ask();
    this.stage.redraw();
  }

  /** Start afresh with other settings. @param {Partial<import("./training.mjs").Settings>} changed */
  change(changed) {
    Object.assign(this.seen.settings, changed);
    this.clear();
    this.proceed();
  }
}

/** @param {Conductor} conductor @param {Seen} seen @param {Stage} stage */
function dials(conductor, seen, stage) {
  const { settings } = seen;
  const fine = (/** @type {number} */ v) => number(v, 2);
  const set = (/** @type {Partial<import("./training.mjs").Settings>} */ changed) => conductor.change(changed);
  stage.range({ label: "Correlation ρ", name: "rho", low: 0, high: 0.98, step: 0.01, value: settings.rho, show: fine, act: (rho) => set({ rho }) });
  const beta = { label: "β, weight of the past", name: "beta", low: 0, high: 0.99, step: 0.01, value: settings.beta, show: fine };
  stage.range({ ...beta, act: (/** @type {number} */ v) => set({ beta: v }) });
  /** @param {string} label @param {"n" | "b" | "lr"} name @param {[number, string][]} options */
  const pick = (label, name, options) =>
    stage.choice({
      label,
      name,
      options: options.map(([value, text]) => [String(value), text]),
      value: String(settings[name]),
      act: (value) => set({ [name]: Number(value) }),
    });
  pick("Training pairs n", "n", [200, 400, 1000, 2000].map((n) => [n, `n = ${n}`]));
  pick("Batch size b", "b", [50, 100, 200].map((b) => [b, `b = ${b}`]));
  pick("Learning rate", "lr", [[3e-4, "0.0003"], [1e-3, "0.001"], [3e-3, "0.003"], [1e-2, "0.01"]]);
  stage.choice({
    label: "Initial weights",
    name: "start",
    options: [["0.02", "normal, σ = 0.02"], ["0.1", "normal, σ = 0.1"], ["he", "He"]],
    value: settings.start,
    act: (start) => set({ start }),
  });
  stage.choice({
    label: "Stop after",
    name: "iterations",
    options: [300, 1000, 3000].map((k) => [String(k), `${k} iterations`]),
    value: String(seen.iterations),
    act: (value) => {
      seen.iterations = Number(value);
      conductor.renew();
      conductor.proceed();
    },
  });
  stage.range({ label: "Seed", name: "seed", low: 0, high: 20, step: 1, value: settings.seed, act: (seed) => set({ seed }) });
}

/** @param {Seen} seen @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c @param {Stage} stage */
function drawEstimates({ shown, marks, iterations }, ctx, width, height, c, stage) {
  const { truth, noise, oracle } = marks;
  const box = { left: 54, top: 62, right: width - 14, bottom: height - 40 };
  let [low, high] = [-0.05, Math.max(truth + 4 * noise, 0.2)];
  const looks = stage.covered ? [] : shown.looks;
  if (stage.prediction && stage.prediction.state !== "idle") high = Math.max(high, stage.prediction.question.high);
  for (const { estimate, held } of looks)
    [low, high] = [Math.min(low, estimate, Math.max(held, -1)), Math.max(high, estimate, held)];
  const y = { low: low * 1.05, high: high * 1.05, label: "estimate [nats]" };
  const f = axes(ctx, box, { low: 0, high: iterations, label: "iteration" }, y, c);
  const xs = looks.map(({ iteration }) => iteration);
  clipped(ctx, f, () => {
    ctx.globalAlpha = 0.25;
    ctx.fillStyle = c.muted;
    ctx.fillRect(f.left, f.y(truth + noise), f.right - f.left, f.y(truth - noise) - f.y(truth + noise));
    ctx.globalAlpha = 1;
    line(ctx, f, [0, iterations], [truth, truth], c.ink, { width: 1.2 });
    line(ctx, f, [0, iterations], [oracle, oracle], c.ink, { width: 1.2, dash: [2, 3] });
    line(ctx, f, xs, looks.map(({ held }) => held), c.held);
    line(ctx, f, xs, looks.map(({ estimate }) => estimate), c.estimate);
    stage.prediction?.draw(ctx, f, c);
  });
  for (const { iteration, held } of looks) beyond(ctx, f, iteration, held, c.held);
  key(ctx, box.left, 12, c, [
    ["training pairs", c.estimate],
    ["held-out pairs", c.held],
  ]);
  key(ctx, box.left + 140, 12, c, [
    [`truth ${number(truth, 3)}`, c.ink],
    [`oracle ${number(oracle, 3)}`, c.ink, [2, 3]],
  ]);
  words(ctx, `grey: noise ±${number(noise, 3)}`, box.left + 24, 44, c.muted);
}

/** @param {Seen} seen @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c @param {boolean} covered */
function drawMaps({ shown, ratio }, ctx, width, height, c, covered) {
  const [top, gutter] = [24, 54];
  const side = Math.min((width - 2 * gutter - 10) / 2, height - top - 70);
  const axis = { low: -EDGE, high: EDGE };
  const maps = /** @type {[string, ArrayLike<number>][]} */ ([["critic t less its constant", covered ? [] : shown.heat], ["true log ratio", ratio]]);
  maps.forEach(([name, values], k) => {
    const left = gutter + k * (side + gutter);
    const box = { left, top, right: left + side, bottom: top + side };
    const f = axes(ctx, box, { ...axis, label: "x" }, { ...axis, label: "y" }, c);
    tiles(ctx, f, values);
    words(ctx, name, left + side / 2, 12, c.ink, "center");
    if (!values.length) words(ctx, covered ? "covered" : "not trained yet", left + side / 2, top + side / 2, c.muted, "center");
  });
  const [low, high, bar] = [gutter + 56, gutter + 176, top + side + 54];
  for (let x = low; x < high; x++) {
    ctx.fillStyle = shade(LEAST + ((MOST_SHOWN - LEAST) * (x - low)) / (high - low));
    ctx.fillRect(x, bar - 6, 1, 12);
  }
  words(ctx, `≤ ${number(LEAST)}`, low - 6, bar, c.ink, "right");
  words(ctx, `≥ ${MOST_SHOWN} nats`, high + 6, bar, c.ink);
}

/** @param {Seen} seen */
function apart({ looks, gap }) {
  const maps = `Two heat maps of x and y from ${number(-EDGE)} to ${EDGE}: the critic t less its constant, and the true log ratio. `;
  return maps + (looks.length ? `They differ by ${number(gap, 2)} nats over the pairs, root mean square.` : "There is no critic yet.");
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, assets?: string, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, assets, memory }) {
  const stage = new Stage(el, "MINE: a critic trains", memory);
  const seen = new Seen(model);
  const conductor = new Conductor(seen, stage, model, assets);
  dials(conductor, seen, stage);
  const halt = (/** @type {boolean} */ anew) => {
    conductor.pause();
    if (anew) conductor.clear();
    conductor.tell();
    stage.redraw();
  };
  conductor.player = new Player(stage, {
    name: "Train",
    playing: () => conductor.playing,
    play: () => conductor.play(),
    pause: () => halt(false),
    step: () => conductor.step(),
    reset: () => halt(true),
  });
  const estimates = "Two estimates against the iteration, with the truth, its noise band and the oracle.";
  const prediction = new Prediction(stage, {
    question: "Where will the estimate on the training pairs stand at the end?",
    low: 0,
    high: 2,
    step: 0.01,
    digits: 2,
    axis: "y",
    answer: () => (seen.finished() ? seen.looks[seen.looks.length - 1].estimate : null),
    begin: () => conductor.play(),
  });
  const { canvas } = stage.canvas({
    shape: 0.42,
    least: 230,
    wide: true,
    describe: () => `${estimates} ${seen.sentence()}`,
    draw: (ctx, width, height, c) => drawEstimates(seen, ctx, width, height, c, stage),
  });
  prediction.listen(canvas);
  stage.canvas({
    shape: 0.56,
    least: 230,
    wide: true,
    describe: () => apart(seen),
    draw: (ctx, width, height, c) => drawMaps(seen, ctx, width, height, c, stage.covered),
  });
  conductor.tell();
  stage.redraw();
  return () => {
    conductor.trainer.destroy();
    stage.destroy();
  };
}

if ("DedicatedWorkerGlobalScope" in globalThis) serve();

export default { render };
