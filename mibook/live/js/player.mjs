// What figures that run share: the buttons play, step and reset, work that keeps to its frame, and histograms.

/** The buttons of a figure that runs; what they do is the figure's own. */
export class Player {
  /**
   * @param {import("./figure.mjs").Stage} stage
   * @param {{name?: string, playing: () => boolean, play: () => void, pause: () => void, step: () => void, reset: () => void}} acts
   */
  constructor(stage, { name = "Play", playing, play, pause, step, reset }) {
    this.name = name;
    this.toggle = stage.button(name, () => (playing() ? pause() : play()));
    stage.button("Step", step);
    stage.resettable(reset);
  }

  /** Let the first button say what a press would do. @param {boolean} playing */
  show(playing) {
    this.toggle.textContent = playing ? "Pause" : this.name;
  }
}

/** Do `once` again and again for so many milliseconds, or so many times; false when it says that there is no more.
 * @param {number} milliseconds @param {() => boolean} once @param {number} [most] */
export function forAFrame(milliseconds, once, most = Infinity) {
  const end = performance.now() + milliseconds;
  for (let k = 0; k < most && performance.now() < end; k++) if (!once()) return false;
  return true;
}

/** How many of the first n values lie in each of equal bars; those beyond the ends are in none, or in the last if `all`.
 * @param {ArrayLike<number>} values @param {number} n @param {number} low @param {number} high @param {number} bars @param {boolean} [all] */
export function counted(values, n, low, high, bars, all = false) {
  const counts = new Float64Array(bars);
  for (let i = 0; i < n; i++) {
    const k = Math.floor(((values[i] - low) / (high - low)) * bars);
    if (all) counts[Math.min(bars - 1, Math.max(0, k))]++;
    else if (k >= 0 && k < bars) counts[k]++;
  }
  return counts;
}

/** Bars from the left end of the data area to its right end, `gap` pixels apart.
 * @param {CanvasRenderingContext2D} ctx @param {import("./figure.mjs").Frame} f @param {Float64Array} counts
 * @param {string} colour @param {{alpha?: number, gap?: number}} [style] */
export function histogram(ctx, f, counts, colour, { alpha = 1, gap = 2 } = {}) {
  const wide = (f.right - f.left) / counts.length;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.globalAlpha = alpha;
  counts.forEach((count, k) => ctx.fillRect(f.left + wide * k + gap / 2, f.y(count), wide - gap, f.bottom - f.y(count)));
  ctx.restore();
}
