// Gradient descent on one weight: the path for a step size, on the loss of a sample and on that of the population.
import { floats, logMeanExp } from "./maths.mjs";
import { Stage, axes, beyond, clipped, key, line, number } from "./figure.mjs";
import { Prediction } from "./predict.mjs";

const [LOW, HIGH] = [-0.1, 1.15]; // of the weight
const SHOWN = 161;

/** The loss at weight w: log avg e^(w v') less the average of w v, with v = x y. @param {number} w
 * @param {Float64Array} data @param {Float64Array} reference */
export function loss(w, data, reference) {
  return logMeanExp(reference.map((v) => w * v)) - w * (data.reduce((a, b) => a + b, 0) / data.length);
}

/** Its derivative: the tilted mean over the reference less the mean over the data. @param {number} w
 * @param {Float64Array} data @param {Float64Array} reference */
export function slope(w, data, reference) {
  let [top, sum] = [0, 0];
  const greatest = reference.reduce((a, v) => Math.max(a, w * v), -Infinity);
  for (const v of reference) {
    const e = Math.exp(w * v - greatest);
    top += v * e;
    sum += e;
  }
  return top / sum - data.reduce((a, b) => a + b, 0) / data.length;
}

/** The weights that gradient descent visits from 0, the start included. @param {number} eta @param {number} steps
 * @param {Float64Array} data @param {Float64Array} reference */
export function descend(eta, steps, data, reference) {
  const path = [0];
  for (let j = 0; j < steps; j++) path.push(path[j] - eta * slope(path[j], data, reference));
  return path;
}

/** The path of a step size, and what it is drawn against. */
class Path {
  /** @param {import("./figure.mjs").Model} model */
  constructor(model) {
    this.data = floats(model.get("data"));
    this.reference = floats(model.get("reference"));
    const rho = model.get("rho");
    this.eta = model.get("eta");
    this.steps = model.get("steps");
    this.weights = Float64Array.from({ length: SHOWN }, (_, i) => LOW + ((HIGH - LOW) * i) / (SHOWN - 1));
    this.sample = this.weights.map((w) => loss(w, this.data, this.reference));
    this.inside = this.weights.filter((w) => w < 0.99);
    this.population = this.inside.map((w) => -w * rho - Math.log(1 - w * w) / 2);
    /** @type {number[]} */
    this.path = [];
    /** @type {number[]} */
    this.losses = [];
  }

  compute() {
    this.path = descend(this.eta, this.steps, this.data, this.reference);
    this.losses = this.path.map((w) => loss(w, this.data, this.reference));
  }

  sentence() {
    const { path, steps } = this;
    const change = steps > 0 ? ` The last step changed the weight by ${number(path[steps] - path[steps - 1], 4)}.` : "";
    const where = `w = ${number(path[steps], 3)}, loss ${number(this.losses[steps], 3)} nats.`;
    return `After ${steps} steps of size ${number(this.eta, 2)}: ${where}${change}`;
  }
}

/** @param {Path} figure @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height
 * @param {import("./figure.mjs").Colours} c @param {Stage} stage */
function drawPath(figure, ctx, width, height, c, stage) {
  const box = { left: 56, top: 14, right: width - 10, bottom: height - 40 };
  const f = axes(ctx, box, { low: LOW, high: HIGH, label: "weight w" }, { low: -0.45, high: 0.1, label: "loss [nats]" }, c);
  clipped(ctx, f, () => {
    line(ctx, f, figure.weights, figure.sample, c.joint, { width: 2 });
    line(ctx, f, figure.inside, figure.population, c.ink, { dash: [5, 3] });
    stage.prediction?.draw(ctx, f, c);
    if (stage.covered) return;
    line(ctx, f, figure.path, figure.losses, c.reference, { width: 1 });
    ctx.fillStyle = c.reference;
    figure.path.forEach((w, j) => {
      ctx.beginPath();
      ctx.arc(f.x(w), f.y(figure.losses[j]), j === figure.steps ? 5.5 : 3, 0, 7);
      ctx.fill();
    });
  });
  if (!stage.covered) figure.path.forEach((w, j) => beyond(ctx, f, w, figure.losses[j], c.reference));
  key(ctx, box.left + 14, box.bottom - 48, c, [
    ["sample", c.joint],
    ["population", c.ink, [5, 3]],
    ["path", c.reference],
  ]);
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const stage = new Stage(el, "Gradient descent on one weight", memory);
  const figure = new Path(model);
  /** @param {{eta?: number, steps?: number}} changed */
  const change = (changed) => {
    Object.assign(figure, changed);
    stage.update();
  };
  const [eta, steps] = [figure.eta, figure.steps];
  const fine = (/** @type {number} */ v) => number(v, 2);
  stage.range({ label: "Step size η", name: "eta", low: 0.02, high: 2, step: 0.02, value: eta, show: fine, act: (v) => change({ eta: v }) });
  const count = stage.range({ label: "Steps", name: "steps", low: 0, high: 40, step: 1, value: steps, show: (v) => number(v), act: (v) => change({ steps: v }) });
  stage.button("One step more", () => {
    change({ steps: Math.min(40, figure.steps + 1) });
    count.set({ value: figure.steps });
    stage.remember("steps", figure.steps);
  });
  stage.resettable();
  const prediction = new Prediction(stage, {
    question: "Where will the last step leave the weight?",
    low: -0.1,
    high: 1.15,
    step: 0.01,
    digits: 2,
    axis: "x",
    unit: "",
    answer: () => figure.path[figure.steps] ?? null,
  });
  stage.compute = () => {
    figure.compute();
    stage.say(figure.sentence());
  };
  const { canvas } = stage.canvas({
    shape: 0.55,
    wide: true,
    least: 260,
    describe: () =>
      `The loss against the weight, and the path of ${figure.steps} steps from w = 0 to w = ${number(figure.path[figure.steps], 3)}.`,
    draw: (ctx, width, height, c) => drawPath(figure, ctx, width, height, c, stage),
  });
  prediction.listen(canvas);
  stage.update();
  return () => stage.destroy();
}

export default { render };
