// The first n pairs of a Gaussian sample, the density estimated from them, and the ellipses that it should show.
import { Stream, floats, kde1, kde2 } from "./maths.mjs";
import { Stage, key, line, number } from "./figure.mjs";
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

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement}} place */
function render({ model, el }) {
  const rho = model.get("rho");
  const stage = new Stage(el, "Pairs and the density that they show");
  let [x, y] = [floats(model.get("x")), floats(model.get("y"))];
  let n = model.get("size");
  let drawn = 0; // samples after the given one
  /** @type {import("./pairboard.mjs").Density | null} */
  let density = null;
  /** @type {number[][]} */
  let levels = [];
  /** @type {import("./pairboard.mjs").Margin[]} */
  let margins = [];
  const exact = SHARES.map((share) => ellipse(rho, share));

  stage.range({
    label: "Pairs n",
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
  stage.button("Another sample", () => {
    const stream = new Stream(drawn++);
    x = Float64Array.from(stream.normals(x.slice()));
    y = stream.normals(y.slice()).map((v, i) => rho * x[i] + Math.sqrt(1 - rho * rho) * v);
    stage.update();
  });

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
