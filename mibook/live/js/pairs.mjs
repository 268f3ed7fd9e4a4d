// The first n pairs of a Gaussian sample, the density estimated from them, and the ellipses that it should show.
import { Stream, floats, kde1, kde2 } from "./maths.mjs";
import { Stage, beyond, key, line, number } from "./figure.mjs";
import { SHARES, board, contours } from "./pairboard.mjs";

const LIMIT = 4; // of both axes

/** The contour of the Gaussian density below which lies this share of the mass, as two columns. @param {number} rho @param {number} share */
export function ellipse(rho, share) {
  const radius = Math.sqrt(-2 * Math.log(share));
  const turn = Float64Array.from({ length: 121 }, (_, k) => (Math.PI * k) / 60);
  const x = turn.map((a) => radius * Math.cos(a));
  return [x, turn.map((a, k) => rho * x[k] + Math.sqrt(1 - rho * rho) * radius * Math.sin(a))];
}

/** The greatest distance of a density estimate from the Gaussian density, as a share of that one's peak.
 * @param {import("./pairboard.mjs").Density} density @param {number} rho */
export function farthest({ gx, gy, values }, rho) {
  const s = 1 - rho * rho;
  const peak = 1 / (2 * Math.PI * Math.sqrt(s));
  let found = 0;
  for (let row = 0, at = 0; row < gy.size; row++) {
    const y = gy.start + row * gy.step;
    for (let k = 0; k < gx.size; k++, at++) {
      const x = gx.start + k * gx.step;
      const exact = Math.exp(-(x * x - 2 * rho * x * y + y * y) / (2 * s));
      found = Math.max(found, Math.abs(values[at] / peak - exact));
    }
  }
  return found;
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const given = model.get("rho");
  let rho = given;
  const stage = new Stage(el, "Pairs and the density that they show", memory);
  let [x, y] = [floats(model.get("x")), floats(model.get("y"))];
  let n = model.get("size");
  let drawn = 0; // samples after the given one
  /** @type {import("./pairboard.mjs").Density | null} */
  let density = null;
  /** @type {number[][]} */
  let levels = [];
  /** @type {import("./pairboard.mjs").Margin[]} */
  let margins = [];
  let exact = SHARES.map((share) => ellipse(rho, share));

  /** The sample of this number, 0 being the given one, with the correlation that is set. */
  function draw() {
    if (drawn) {
      const stream = new Stream(drawn - 1);
      x = Float64Array.from(stream.normals(x.slice()));
      y = Float64Array.from(stream.normals(x.slice()));
      y.forEach((v, i) => (y[i] = rho * x[i] + Math.sqrt(1 - rho * rho) * v));
    } else {
      x = floats(model.get("x"));
      // the given pairs, turned to another correlation: the noise in y is kept, its share changed
      const own = Math.sqrt((1 - rho * rho) / (1 - given * given));
      y = Float64Array.from(floats(model.get("y")), (v, i) => (rho === given ? v : rho * x[i] + own * (v - given * x[i])));
    }
    exact = SHARES.map((share) => ellipse(rho, share));
    stage.update();
  }

  stage.range({
    label: "Pairs n",
    name: "n",
    low: 2,
    high: x.length,
    step: 1,
    value: n,
    show: (v) => `n = ${v}`,
    act: (value) => {
      n = value;
      stage.update();
    },
  });
  stage.range({
    label: "Correlation ρ",
    name: "rho",
    low: 0,
    high: 0.98,
    step: 0.01,
    value: Number(given.toFixed(2)),
    show: (v) => number(v, 2),
    act: (value) => {
      rho = value === Number(given.toFixed(2)) ? given : value; // the slider is coarser than the running example
      draw();
    },
  });
  stage.dial("seed", "0", (text) => {
    if (!/^\d{1,6}$/.test(text)) return;
    drawn = Number(text);
    draw();
  });
  stage.button("Another sample", () => {
    drawn++;
    stage.remember("seed", drawn);
    draw();
  });
  stage.resettable();

  function sentence() {
    const whose = drawn ? `Fresh sample ${drawn}` : "The running example";
    if (!density) return `${whose}: ${n} pairs are too few for an estimate of the joint density.`;
    return `${whose}: from ${n} pairs, the estimated density is wrong by up to ${number(100 * farthest(density, rho), 0)} % of the peak.`;
  }
  stage.canvas({
    shape: 1,
    describe: sentence,
    draw: (ctx, width, height, c) => {
      const axis = { low: -LIMIT, high: LIMIT };
      const look = { x: { ...axis, label: "x" }, y: { ...axis, label: "y" }, colour: c.joint };
      board(ctx, width, height, c, look, { x, y, m: n, levels, margins }, (f) => {
        for (let i = 0; i < n; i++) beyond(ctx, f, x[i], y[i], c.joint);
        for (const [u, v] of exact) line(ctx, f, u, v, c.muted, { dash: [5, 3] });
        key(ctx, f.left + 8, f.bottom - 28, c, [["estimated contours", c.ink], ["contours of the law", c.muted, [5, 3]]]);
      });
    },
  });
  stage.compute = () => {
    density = kde2(x, y, n);
    levels = contours(density);
    margins = [kde1(x, n), kde1(y, n)];
    stage.say(sentence());
  };
  stage.update();
  return () => stage.destroy();
}

export default { render };
