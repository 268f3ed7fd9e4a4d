// Gradient descent on one weight: the path for a step size, on the loss of a sample and on that of the population.
import { floats, logMeanExp } from "./maths.mjs";
import { Stage, axes, clipped, key, line, number } from "./figure.mjs";

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

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement}} place */
function render({ model, el }) {
  const stage = new Stage(el, "Gradient descent on one weight");
  const [data, reference] = [floats(model.get("data")), floats(model.get("reference"))];
  const rho = model.get("rho");
  let [eta, steps] = [model.get("eta"), model.get("steps")];
  const weights = Float64Array.from({ length: SHOWN }, (_, i) => LOW + ((HIGH - LOW) * i) / (SHOWN - 1));
  const sample = weights.map((w) => loss(w, data, reference));
  const inside = weights.filter((w) => w < 0.99);
  const population = inside.map((w) => -w * rho - Math.log(1 - w * w) / 2);
  /** @type {number[]} */
  let path = [];
  /** @type {number[]} */
  let losses = [];

  stage.range({
    label: "Step size η",
    low: 0.02,
    high: 2,
    step: 0.02,
    value: eta,
    show: (v) => number(v, 2),
    act: (v) => {
      eta = v;
      stage.update();
    },
  });
  const count = stage.range({
    label: "Steps",
    low: 0,
    high: 40,
    step: 1,
    value: steps,
    show: (v) => number(v),
    act: (v) => {
      steps = v;
      stage.update();
    },
  });
  stage.button("One step more", () => {
    steps = Math.min(40, steps + 1);
    count.set({ value: steps });
    stage.update();
  });

  stage.compute = () => {
    path = descend(eta, steps, data, reference);
    losses = path.map((w) => loss(w, data, reference));
    tell();
  };
  function tell() {
    const [w, value] = [path[steps], losses[steps]];
    const change = steps > 0 ? ` The last step changed the weight by ${number(w - path[steps - 1], 4)}.` : "";
    stage.say(`After ${steps} steps of size ${number(eta, 2)}: w = ${number(w, 3)}, loss ${number(value, 3)} nats.${change}`);
  }
  stage.canvas({
    shape: 0.55,
    wide: true,
    least: 260,
    describe: () => `The loss against the weight, and the path of ${steps} steps from w = 0 to w = ${number(path[steps], 3)}.`,
    draw: (ctx, width, height, c) => {
      const box = { left: 56, top: 14, right: width - 10, bottom: height - 40 };
      const f = axes(ctx, box, { low: LOW, high: HIGH, label: "weight w" }, { low: -0.45, high: 0.1, label: "loss [nats]" }, c);
      clipped(ctx, f, () => {
        line(ctx, f, weights, sample, c.joint, { width: 2 });
        line(ctx, f, inside, population, c.ink, { dash: [5, 3] });
        line(ctx, f, path, losses, c.reference, { width: 1 });
        ctx.fillStyle = c.reference;
        path.forEach((w, j) => {
          ctx.beginPath();
          ctx.arc(f.x(w), f.y(losses[j]), j === steps ? 5.5 : 3, 0, 7);
          ctx.fill();
        });
      });
      key(ctx, box.left + 14, box.bottom - 48, c, [
        ["sample", c.joint],
        ["population", c.ink, [5, 3]],
        ["path", c.reference],
      ]);
    },
  });
  stage.update();
  return () => stage.destroy();
}

export default { render };
