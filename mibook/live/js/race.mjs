// A race towards the information of a Gaussian pair: the pairs, and a network that estimates it from them while one watches.
import { Stream } from "./maths.mjs";
import { LIMIT, OneCritic } from "./mixture.mjs";
import { Stage, axes, beyond, clipped, dots, key, line, number, words } from "./figure.mjs";
import { Player, forAFrame } from "./player.mjs";

const [EDGE, WORK] = [3.5, 6]; // of the plane; milliseconds of a frame
const [RUN, JUDGE] = [1000003, 2000003]; // added to the seed for a stream of its own

/** n standard normal pairs with correlation rho. @param {number} n @param {number} rho @param {Stream} stream */
export function gaussianPairs(n, rho, stream) {
  const x = Float64Array.from(stream.normals(new Float64Array(n)));
  const y = Float64Array.from(stream.normals(new Float64Array(n)));
  y.forEach((v, i) => (y[i] = rho * x[i] + Math.sqrt(1 - rho * rho) * v));
  return [x, y];
}

/** The average of the true log ratio over the pairs, in nats. @param {Float64Array[]} pairs @param {number} rho */
export function oracleOf([x, y], rho) {
  const s = 1 - rho * rho;
  const sum = x.reduce((all, u, i) => all + (2 * rho * u * y[i] - rho * rho * (u * u + y[i] * y[i])) / (2 * s), 0);
  return sum / x.length - Math.log(s) / 2;
}

/** A network on its way, judged on the pairs that it learns from and on others. */
export class Runner {
  /** @param {number} n @param {number} rho @param {number} seed */
  constructor(n, rho, seed) {
    const stream = new Stream(seed);
    this.pairs = gaussianPairs(n, rho, stream);
    this.truth = -Math.log(1 - rho * rho) / 2;
    this.noise = rho / Math.sqrt(n);
    this.oracle = oracleOf(this.pairs, rho);
    this.training = new OneCritic(this.pairs, new Stream(seed + RUN));
    this.judge = new OneCritic(gaussianPairs(n, rho, stream), new Stream(seed + JUDGE)); // its pairs, and shifts of them
    /** Iteration, estimate, estimate on held-out pairs. @type {number[][]} */
    this.looks = [];
  }

  get count() {
    return this.training.count;
  }

  /** One iteration; whether there is another. */
  step() {
    const { training, judge, looks } = this;
    if (training.count >= LIMIT) return false;
    training.step();
    const seen = training.history.length;
    if (seen > looks.length) looks.push([training.count, training.last[0], training.critic.bound(judge.sample, judge.pool)]);
    return training.count < LIMIT;
  }

  sentence() {
    const goal = `The truth is ${number(this.truth, 3)} nats, the oracle of these pairs ${number(this.oracle, 3)}.`;
    const last = this.looks[this.looks.length - 1];
    if (!last) return `${goal} The network has not started.`;
    return `${goal} After ${last[0]} iterations the network says ${number(last[1], 3)}, on held-out pairs ${number(last[2], 3)}.`;
  }
}

/** @param {Runner} runner @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawField({ pairs: [x, y] }, ctx, width, height, c) {
  const axis = { low: -EDGE, high: EDGE };
  const f = axes(ctx, { left: 48, top: 8, right: width - 8, bottom: height - 40 }, { ...axis, label: "x" }, { ...axis, label: "y" }, c);
  dots(ctx, f, x, y, x.length, c.joint, 0.6, 3);
  x.forEach((u, i) => beyond(ctx, f, u, y[i], c.joint));
}

/** @param {Runner} runner @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawRun({ looks, truth, noise, oracle }, ctx, width, height, c) {
  const box = { left: 54, top: 46, right: width - 12, bottom: height - 40 };
  const values = looks.flatMap(([, ours, held]) => [ours, Math.max(-0.5, held)]);
  const [low, high] = [Math.min(-0.05, ...values), Math.max(truth + 3 * noise, 0.3, ...values)];
  const f = axes(ctx, box, { low: 0, high: LIMIT, label: "iteration" }, { low: low * 1.05, high: high * 1.05, label: "estimate [nats]" }, c);
  const xs = looks.map(([count]) => count);
  clipped(ctx, f, () => {
    ctx.globalAlpha = 0.25;
    ctx.fillStyle = c.muted;
    ctx.fillRect(f.left, f.y(truth + noise), f.right - f.left, f.y(truth - noise) - f.y(truth + noise));
    ctx.globalAlpha = 1;
    line(ctx, f, [0, LIMIT], [truth, truth], c.ink, { width: 1.2 });
    line(ctx, f, [0, LIMIT], [oracle, oracle], c.ink, { width: 1.2, dash: [2, 3] });
    line(ctx, f, xs, looks.map(([, , held]) => held), c.held);
    line(ctx, f, xs, looks.map(([, ours]) => ours), c.estimate, { width: 2.2 });
  });
  for (const [count, , held] of looks) beyond(ctx, f, count, held, c.held);
  key(ctx, box.left, 10, c, [["network", c.estimate], ["on held-out pairs", c.held]]);
  key(ctx, box.left + 140, 10, c, [["truth", c.ink], ["oracle", c.ink, [2, 3]]]);
  words(ctx, "grey: noise", box.left + 204, 10, c.muted);
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const stage = new Stage(el, "A network races towards the mutual information", memory);
  const settings = { n: model.get("n"), rho: model.get("rho"), seed: model.get("seed") };
  let runner = new Runner(settings.n, settings.rho, settings.seed);
  const tell = () => stage.say(runner.sentence());
  const pause = () => {
    stage.run(null);
    player.show(false);
    tell();
  };
  /** @param {Partial<typeof settings>} changed */
  const change = (changed) => {
    Object.assign(settings, changed);
    runner = new Runner(settings.n, settings.rho, settings.seed);
    if (stage.bar) stage.progress(0, LIMIT);
    if (!stage.work) tell();
    stage.redraw();
  };
  const fine = (/** @type {number} */ v) => number(v, 2);
  stage.range({ label: "Correlation ρ", name: "rho", low: 0, high: 0.95, step: 0.01, value: settings.rho, show: fine, act: (rho) => change({ rho }) });
  stage.choice({
    label: "Pairs n",
    name: "n",
    options: [100, 200, 500, 1000].map((n) => [String(n), `n = ${n}`]),
    value: String(settings.n),
    act: (n) => change({ n: Number(n) }),
  });
  stage.dial("seed", String(settings.seed), (text) => {
    if (/^\d{1,6}$/.test(text)) change({ seed: Number(text) });
  });
  /** @param {() => boolean} work */
  const go = (work) => {
    const more = work();
    stage.progress(runner.count, LIMIT);
    return more;
  };
  const player = new Player(stage, {
    name: "Race",
    playing: () => Boolean(stage.work),
    pause,
    play: () => {
      if (runner.count >= LIMIT) change({});
      player.show(true);
      stage.say("The network trains …");
      const most = stage.calm ? LIMIT : 20;
      stage.run(() => {
        const more = go(() => forAFrame(stage.calm ? 200 : WORK, () => runner.step(), most));
        if (!more) pause();
        return more;
      });
    },
    step: () => {
      pause();
      go(() => runner.step());
      tell();
      stage.redraw();
    },
    reset: () => {
      pause();
      change({});
      tell();
    },
  });
  stage.button("Other pairs", () => {
    change({ seed: settings.seed + 1 });
    stage.remember("seed", settings.seed);
  });
  stage.canvas({
    shape: 0.8,
    describe: () => `Scatter of ${settings.n} pairs with correlation ${number(settings.rho, 2)}.`,
    draw: (ctx, width, height, c) => drawField(runner, ctx, width, height, c),
  });
  stage.canvas({
    shape: 0.8,
    describe: () => `The estimate against the iteration, with the truth, its noise band and the oracle. ${runner.sentence()}`,
    draw: (ctx, width, height, c) => drawRun(runner, ctx, width, height, c),
  });
  tell();
  stage.redraw();
  return () => stage.destroy();
}

export default { render };
