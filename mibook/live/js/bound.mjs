// Drag a critic on the line and see what it is worth: the Donsker–Varadhan bound in population and from samples.
import { Stream } from "./maths.mjs";
import { Stage, area, axes, beyond, clipped, element, key, line, number, words } from "./figure.mjs";
import { Prediction } from "./predict.mjs";

export const KNOTS = [-1.5, -0.86, -0.22, 0.42, 1.06, 1.7, 2.34, 3];
const [LOW, HIGH] = [-9, 5]; // of the critic, in nats
const OTHERS = 200;
const GRID = Float64Array.from({ length: 601 }, (_, i) => -6 + i / 50);

/** @param {number} z @param {number} mean @param {number} sd */
function normalDensity(z, mean, sd) {
  return Math.exp(-((z - mean) ** 2) / (2 * sd ** 2)) / (sd * Math.sqrt(2 * Math.PI));
}

/** The log ratio of N(mean, sd²) to N(0, 1). @param {number} z @param {number} mean @param {number} sd */
export function logRatio(z, mean, sd) {
  return (z * z) / 2 - (z - mean) ** 2 / (2 * sd * sd) - Math.log(sd);
}

/** The knot before z and how far z is on the way to the next; constant beyond the ends. @param {number} z */
function between(z) {
  if (z <= KNOTS[0]) return { k: 0, u: 0 };
  for (let k = 1; k < KNOTS.length; k++)
    if (z < KNOTS[k]) return { k: k - 1, u: (z - KNOTS[k - 1]) / (KNOTS[k] - KNOTS[k - 1]) };
  return { k: KNOTS.length - 2, u: 1 };
}

/** The critic with the given heights at the knots, straight in between. @param {ArrayLike<number>} h @param {number} z */
export function critic(h, z) {
  const { k, u } = between(z);
  return (1 - u) * h[k] + u * h[k + 1];
}

/** @typedef {{z: Float64Array, weight: Float64Array}} Points points and their probabilities */

/** A sample as points of equal weight. @param {Float64Array} z @returns {Points} */
export function equal(z) {
  return { z, weight: new Float64Array(z.length).fill(1 / z.length) };
}

/** A normal law as points of a fine grid. @param {number} mean @param {number} sd @returns {Points} */
export function law(mean, sd) {
  const weight = GRID.map((z) => normalDensity(z, mean, sd) / 50);
  return { z: GRID, weight };
}

/** The bound: mean of t over the data less the log of the mean of e^t over the reference, in nats.
 * @param {ArrayLike<number>} h @param {Points} data @param {Points} reference */
export function bound(h, data, reference) {
  let first = 0;
  data.z.forEach((z, i) => (first += data.weight[i] * critic(h, z)));
  let greatest = 0;
  let sum = 0;
  for (let k = 0; k < h.length; k++) greatest = Math.max(greatest, h[k]);
  reference.z.forEach((z, i) => (sum += reference.weight[i] * Math.exp(critic(h, z) - greatest)));
  return first - greatest - Math.log(sum);
}

/** One step uphill: the gradient with respect to the heights, each scaled by how many points its knot concerns.
 * @param {Float64Array} h @param {Points} data @param {Points} reference */
export function climb(h, data, reference) {
  const gradient = new Float64Array(h.length);
  const reach = new Float64Array(h.length).fill(0.01);
  const tilted = reference.weight.map((w, i) => w * Math.exp(critic(h, reference.z[i])));
  const sum = tilted.reduce((a, b) => a + b, 0);
  /** @param {Points} points @param {(i: number) => number} share */
  const add = (points, share) =>
    points.z.forEach((z, i) => {
      const { k, u } = between(z);
      gradient[k] += share(i) * (1 - u);
      gradient[k + 1] += share(i) * u;
      reach[k] += Math.abs(share(i)) * (1 - u);
      reach[k + 1] += Math.abs(share(i)) * u;
    });
  add(data, (i) => data.weight[i]);
  add(reference, (i) => -tilted[i] / sum);
  return h.map((height, k) => Math.min(HIGH, Math.max(LOW, height + (0.5 * gradient[k]) / reach[k])));
}

/** n draws from the data's law and n from the reference. @param {number} n @param {number} mean @param {number} sd @param {Stream} stream */
export function draw(n, mean, sd, stream) {
  const z = stream.normals(new Float64Array(n)).map((v) => mean + sd * v);
  return { data: equal(z), reference: equal(stream.normals(new Float64Array(n))) };
}

/** A critic on the line, the samples that it is judged on, and what it is worth. */
class Judged {
  /** @param {import("./figure.mjs").Model} model */
  constructor(model) {
    const mean = (this.mean = model.get("mean"));
    const sd = (this.sd = model.get("sd"));
    this.n = model.get("n");
    this.seed = model.get("seed");
    this.best = Float64Array.from(KNOTS, (z) => logRatio(z, mean, sd));
    this.population = { data: law(mean, sd), reference: law(0, 1) };
    this.divergence = (sd ** 2 + mean ** 2 - 1) / 2 - Math.log(sd);
    this.peak = 1.15 * Math.max(normalDensity(0, 0, 1), normalDensity(0, 0, sd));
    this.h = this.scaled(model.get("scale"));
    this.worth = 0;
    this.found = 0;
    /** @type {number[]} */
    this.values = [];
    this.sample = draw(this.n, mean, sd, new Stream(this.seed));
    /** @type {ReturnType<typeof draw>[]} */
    this.others = [];
    this.fresh();
  }

  /** @param {number} s */
  scaled(s) {
    return this.best.map((t) => s * t);
  }

  /** Draw the sample of the seed, and the others. */
  fresh() {
    this.sample = draw(this.n, this.mean, this.sd, new Stream(this.seed));
    const stream = new Stream(this.seed + 1000003);
    this.others = Array.from({ length: OTHERS }, () => draw(this.n, this.mean, this.sd, stream));
  }

  compute() {
    const { h, population, sample } = this;
    this.worth = bound(h, population.data, population.reference);
    this.found = bound(h, sample.data, sample.reference);
    this.values = this.others.map(({ data, reference }) => bound(h, data, reference));
  }

  average() {
    return this.values.reduce((a, b) => a + b, 0) / this.values.length;
  }

  sentence() {
    const { divergence, found } = this;
    return (
      `In population the critic is worth ${number(this.worth, 3)} of D = ${number(divergence, 3)} nats; on this sample ` +
      `${number(found, 3)}${found > divergence ? ", more than there is" : ""}; on ${OTHERS} others ${number(this.average(), 3)} on average.`
    );
  }
}

/** @param {Judged} figure @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c @param {HTMLInputElement[]} handles the sliders that lie on the knots */
function drawCritic(figure, ctx, width, height, c, handles) {
  const { h, mean, sd, sample } = figure;
  const box = { left: 48, top: 44, right: width - 8, bottom: height - 40 };
  const x = { low: -3, high: 4, label: "z" };
  const f = axes(ctx, box, x, { low: LOW, high: HIGH, label: "critic [nats]" }, c);
  const d = { ...f, y: (/** @type {number} */ v) => box.bottom - (v / figure.peak) * 0.62 * (box.bottom - box.top) };
  clipped(ctx, f, () => {
    area(ctx, d, GRID, GRID.map((z) => normalDensity(z, mean, sd)), 0, c.joint);
    area(ctx, d, GRID, GRID.map((z) => normalDensity(z, 0, 1)), 0, c.reference);
    line(ctx, f, GRID, GRID.map((z) => logRatio(z, mean, sd)), c.muted, { dash: [2, 3] });
    line(ctx, f, [-9, ...KNOTS, 9], [h[0], ...h, h[h.length - 1]], c.ink, { width: 2 });
    for (const [points, colour, foot] of /** @type {const} */ ([[sample.data, c.joint, 12], [sample.reference, c.reference, 0]])) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      points.z.forEach((z) => {
        ctx.moveTo(f.x(z), box.bottom - foot);
        ctx.lineTo(f.x(z), box.bottom - foot - 10);
      });
      ctx.stroke();
    }
  });
  key(ctx, box.left, 10, c, [["Z and its sample", c.joint], ["Z′ and its sample", c.reference]]);
  key(ctx, box.left + 160, 10, c, [["critic t", c.ink], ["optimal critic t*", c.muted, [2, 3]]]);
  handles.forEach((handle, k) => {
    handle.style.left = `${f.x(KNOTS[k]) - 12}px`;
    handle.style.top = `${box.top - 8}px`;
    handle.style.height = `${box.bottom - box.top + 16}px`;
  });
}

/** @param {Judged} figure @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c @param {Stage} stage */
function drawWorth(figure, ctx, width, height, c, stage) {
  const { divergence } = figure;
  const box = { left: 112, top: 8, right: width - 12, bottom: height - 40 };
  const x = { low: -0.5, high: 2.5, label: "bound [nats]" };
  const f = axes(ctx, box, x, { low: 0, high: 3, ticks: [] }, c);
  clipped(ctx, f, () => {
    line(ctx, f, [divergence, divergence], [0, 3], c.ink, { width: 1.5 });
    /** @param {number} value @param {number} row @param {string} colour */
    const bar = (value, row, colour) => {
      ctx.fillStyle = colour;
      const [from, to] = [f.x(Math.min(0, value)), f.x(Math.max(0, value))];
      ctx.fillRect(from, f.y(row + 0.72), Math.max(1, to - from), f.y(row + 0.28) - f.y(row + 0.72));
    };
    bar(figure.worth, 2, c.joint);
    bar(figure.found, 1, c.estimate);
    ctx.fillStyle = c.estimate;
    ctx.globalAlpha = 0.45;
    figure.values.forEach((value, i) => ctx.fillRect(f.x(value) - 1.5, f.y(0.25 + (0.5 * ((i * 37) % OTHERS)) / OTHERS) - 1.5, 3, 3));
    ctx.globalAlpha = 1;
    line(ctx, f, [figure.average(), figure.average()], [0.1, 0.9], c.held, { width: 3 });
    stage.prediction?.draw(ctx, f, c);
  });
  beyond(ctx, f, figure.worth, 2.5, c.joint);
  beyond(ctx, f, figure.found, 1.5, c.estimate);
  figure.values.forEach((value, i) => beyond(ctx, f, value, 0.25 + (0.5 * ((i * 37) % OTHERS)) / OTHERS, c.estimate));
  beyond(ctx, f, figure.average(), 0.5, c.held);
  words(ctx, "in population", box.left - 8, f.y(2.5), c.ink, "right");
  words(ctx, "this sample", box.left - 8, f.y(1.5), c.ink, "right");
  words(ctx, "200 others", box.left - 8, f.y(0.66), c.ink, "right");
  words(ctx, "and their mean", box.left - 8, f.y(0.22), c.held, "right");
  words(ctx, `D = ${number(divergence, 3)}`, f.x(divergence) + 5, f.y(2.86), c.ink);
}

/** Step uphill in every frame until it no longer pays; at once for readers who want no motion.
 * @param {Judged} figure @param {Stage} stage @param {() => {data: Points, reference: Points}} on @param {() => void} [then] */
function ascend(figure, stage, on, then = () => {}) {
  let steps = 0;
  const step = () => {
    const { data, reference } = on();
    const before = bound(figure.h, data, reference);
    figure.h = climb(figure.h, data, reference);
    return ++steps < 600 && (steps < 20 || bound(figure.h, data, reference) - before > 2e-5);
  };
  if (stage.calm) {
    while (step());
    stage.compute();
    then();
    return stage.redraw();
  }
  stage.run(() => {
    const more = step();
    stage.compute();
    if (!more) {
      stage.say(figure.sentence());
      then();
    }
    return more;
  });
}

/** One native slider on each knot. @param {Judged} figure @param {Stage} stage @param {HTMLElement} place
 * @param {() => void} moved */
function knots(figure, stage, place, moved) {
  return KNOTS.map((z, k) => {
    const name = `critic at z = ${number(z)}`;
    const range = { type: "range", class: "live-knot", min: String(LOW), max: String(HIGH), step: "0.1" };
    const attributes = { ...range, "aria-label": name, "aria-orientation": "vertical" };
    const handle = /** @type {HTMLInputElement} */ (element("input", attributes));
    handle.addEventListener("input", () => {
      stage.run(null);
      figure.h[k] = Number(handle.value);
      moved();
      stage.update();
    });
    place.append(handle);
    return handle;
  });
}

/** The settings; what is returned is called when the critic is no longer s times the optimal one.
 * @param {Judged} figure @param {Stage} stage @param {number} scale */
function controls(figure, stage, scale) {
  const drawn = () => {
    figure.fresh();
    stage.update();
  };
  const slider = stage.range({
    label: "Critic s · t*",
    name: "s",
    low: 0,
    high: 1.25,
    step: 0.05,
    value: scale,
    show: (s) => `s = ${number(s, 2)}`,
    act: (s) => {
      stage.run(null);
      figure.h = figure.scaled(s);
      stage.memory?.write("t", null);
      stage.update();
    },
  });
  stage.choice({
    label: "Points in each sample",
    name: "n",
    options: [["10", "n = 10"], ["30", "n = 30"], ["100", "n = 100"], ["300", "n = 300"]],
    value: String(figure.n),
    act: (value) => {
      figure.n = Number(value);
      drawn();
    },
  });
  const left = () => {
    slider.tell("the critic is your own");
    stage.memory?.write("s", null);
    stage.remember("t", Array.from(figure.h, (v) => v.toFixed(1)).join(" "));
  };
  /** @param {() => {data: Points, reference: Points}} on @param {() => void} [then] */
  const climbed = (on, then = () => {}) => {
    slider.tell("the critic is your own");
    ascend(figure, stage, on, () => {
      left();
      then();
    });
  };
  const prediction = new Prediction(stage, {
    question: "After the climb on this sample, what will the critic be worth in population?",
    low: -0.5,
    high: 2.5,
    step: 0.05,
    digits: 2,
    axis: "x",
    answer: () => null,
    begin: () => {
      figure.h = figure.scaled(scale);
      climbed(() => figure.sample, () => {
        prediction.question.answer = () => figure.worth;
        prediction.settle();
        prediction.question.answer = () => null;
      });
    },
  });
  stage.dial("t", "", (text) => {
    const heights = text.split(" ").map(Number);
    if (heights.length !== KNOTS.length || !heights.every((v) => v >= LOW && v <= HIGH)) return;
    figure.h = Float64Array.from(heights);
    slider.tell("the critic is your own");
    stage.update();
  });
  stage.dial("seed", String(figure.seed), (text) => {
    if (!/^\d{1,6}$/.test(text)) return;
    figure.seed = Number(text);
    drawn();
  });
  stage.button("Climb on the sample", () => climbed(() => figure.sample));
  stage.button("Climb in population", () => climbed(() => figure.population));
  stage.button("Another sample", () => {
    figure.seed++;
    stage.remember("seed", figure.seed);
    drawn();
  });
  stage.resettable(() => slider.tell());
  return left;
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const stage = new Stage(el, "The Donsker–Varadhan bound of a critic that you drag", memory);
  const figure = new Judged(model);
  const left = controls(figure, stage, model.get("scale"));
  /** @type {HTMLInputElement[]} */
  const handles = [];
  const { place } = stage.canvas({
    shape: 0.5,
    least: 270,
    wide: true,
    describe: () => `Two bell-shaped densities and the critic, which goes through ${KNOTS.length} points that you can move.`,
    draw: (ctx, width, height, c) => drawCritic(figure, ctx, width, height, c, handles),
  });
  handles.push(...knots(figure, stage, place, left));
  const { canvas } = stage.canvas({
    shape: 0.34,
    least: 170,
    wide: true,
    describe: () => figure.sentence(),
    draw: (ctx, width, height, c) => drawWorth(figure, ctx, width, height, c, stage),
  });
  stage.prediction?.listen(canvas);
  stage.compute = () => {
    figure.compute();
    handles.forEach((handle, k) => {
      handle.value = String(figure.h[k]);
      handle.setAttribute("aria-valuetext", `${number(figure.h[k], 1)} nats`);
    });
    if (!stage.work) stage.say(figure.sentence());
  };
  stage.update();
  return () => stage.destroy();
}

export default { render };
