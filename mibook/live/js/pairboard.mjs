// Pairs as dots, contours of their density estimate and the two marginal ones, as `draw_pairs` draws them in Python.
import { contour, shareLevels } from "./maths.mjs";
import { area, axes, clipped, dots, line } from "./figure.mjs";

export const SHARES = [0.05, 0.24, 0.43, 0.62, 0.81]; // of the mass lie below the contours

/** A density on a grid. @typedef {NonNullable<ReturnType<typeof import("./maths.mjs").kde2>>} Density */
/** @typedef {ReturnType<typeof import("./maths.mjs").kde1>} Margin */

/** The contours of a density, as `contour` gives them. @param {Density | null} density @returns {number[][]} */
export function contours(density) {
  if (!density) return [];
  return shareLevels(density.values, SHARES).map((level) => contour(density.values, density.gx, density.gy, level));
}

/**
 * Draw the first m pairs with what was estimated from them; `mark` draws inside the data area, above all else.
 * @param {CanvasRenderingContext2D} ctx @param {number} width @param {number} height @param {import("./figure.mjs").Colours} c
 * @param {{x: import("./figure.mjs").Axis, y: import("./figure.mjs").Axis, colour: string}} look
 * @param {{x: Float64Array, y: Float64Array, m: number, levels: number[][], margins: Margin[]}} pairs
 * @param {(f: import("./figure.mjs").Frame) => void} mark
 */
export function board(ctx, width, height, c, look, { x, y, m, levels, margins }, mark) {
  const side = Math.round(height * 0.14);
  const box = { left: 48, top: side + 4, right: width - side - 4, bottom: height - 40 };
  const f = axes(ctx, box, look.x, look.y, c);
  dots(ctx, f, x, y, m, look.colour, Math.min(0.9, 0.15 + 120 / m), m > 3000 ? 1.5 : 2.5);
  clipped(ctx, f, () => {
    ctx.strokeStyle = c.ink;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (const ends of levels)
      for (let i = 0; i < ends.length; i += 4) {
        ctx.moveTo(f.x(ends[i]), f.y(ends[i + 1]));
        ctx.lineTo(f.x(ends[i + 2]), f.y(ends[i + 3]));
      }
    ctx.stroke();
    mark(f);
  });
  margins.forEach((margin, turned) => {
    if (!margin) return;
    const places = Float64Array.from(margin.values, (_, i) => margin.grid.start + i * margin.grid.step);
    const peak = Math.max(...margin.values) * 1.1;
    ctx.save();
    if (turned) ctx.transform(0, 1, 1, 0, 0, 0); // the margin of y: the same picture with x and y exchanged
    const beside = turned
      ? { ...f, left: box.top, right: box.bottom, x: f.y, y: (/** @type {number} */ v) => box.right + 3 + (v / peak) * side }
      : { ...f, y: (/** @type {number} */ v) => box.top - 3 - (v / peak) * side };
    ctx.beginPath();
    ctx.rect(beside.left, turned ? box.right : 0, beside.right - beside.left, turned ? side + 4 : box.top);
    ctx.clip();
    area(ctx, beside, places, margin.values, 0, look.colour);
    line(ctx, beside, places, margin.values, look.colour);
    ctx.restore();
  });
}
