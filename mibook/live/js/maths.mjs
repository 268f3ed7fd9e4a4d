// What the figures compute: random numbers, density estimates and contours. Nothing here knows the page.
// mibook/live/generator.py repeats `Stream` number for number, so that a picture and its live figure agree.

const GOLDEN = 0x9e3779b9;

/** Mix the bits of a 32-bit number: a bijection whose outputs look random. @param {number} z */
function mix(z) {
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

/** Random numbers from a counter: number i of a seed can be computed on its own, in any language. */
export class Stream {
  /** @param {number} seed */
  constructor(seed) {
    this.state = mix(seed + GOLDEN);
  }

  /** A number strictly between 0 and 1. */
  uniform() {
    this.state = (this.state + GOLDEN) | 0;
    return ((mix(this.state) >>> 0) + 0.5) / 4294967296;
  }

  /** One of 0, …, n - 1. @param {number} n */
  below(n) {
    return Math.floor(this.uniform() * n);
  }

  /** Fill an array with standard normal numbers, drawn in pairs; an odd one out is dropped. @param {Float64Array} out */
  normals(out) {
    for (let i = 0; i < out.length; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  /** A uniform permutation of 0, …, n - 1. @param {number} n */
  permutation(n) {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/** @type {Map<number, {cos: Float64Array, sin: Float64Array}>} */
const twiddles = new Map();

/** @param {number} n */
function twiddle(n) {
  let found = twiddles.get(n);
  if (!found) {
    found = { cos: new Float64Array(n / 2), sin: new Float64Array(n / 2) };
    for (let k = 0; k < n / 2; k++) {
      found.cos[k] = Math.cos((2 * Math.PI * k) / n);
      found.sin[k] = Math.sin((2 * Math.PI * k) / n);
    }
    twiddles.set(n, found);
  }
  return found;
}

/**
 * Fourier transform in place of n numbers that stand `stride` apart; n is a power of two; no scaling.
 * @param {Float64Array} re @param {Float64Array} im @param {number} start @param {number} stride @param {number} n
 */
function fourier(re, im, start, stride, n) {
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const a = start + i * stride;
      const b = start + j * stride;
      [re[a], re[b]] = [re[b], re[a]];
      [im[a], im[b]] = [im[b], im[a]];
    }
  }
  const { cos, sin } = twiddle(n);
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half);
    for (let block = 0; block < n; block += 2 * half) {
      for (let k = 0; k < half; k++) {
        const a = start + (block + k) * stride;
        const b = a + half * stride;
        const c = cos[k * step];
        const s = -sin[k * step];
        const x = re[b] * c - im[b] * s;
        const y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/**
 * Evenly spaced points: the first, the distance, how many.
 * @typedef {{start: number, step: number, size: number}} Grid
 */

/** A grid for a density estimate of bandwidth h of values from low to high. @returns {Grid}
 * @param {number} low @param {number} high @param {number} h @param {number} size */
export function grid(low, high, h, size) {
  const start = low - 4 * h;
  return { start, step: (high + 4 * h - start) / (size - 1), size };
}

/** Mean, variance (divided by n - 1), least and greatest of the first n values.
 * @param {ArrayLike<number>} values @param {number} n */
export function moments(values, n) {
  let sum = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < n; i++) {
    sum += values[i];
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i] - mean) ** 2;
  return { mean, variance: squares / (n - 1), low, high };
}

/** The covariance (divided by n - 1) of the first n pairs.
 * @param {ArrayLike<number>} x @param {ArrayLike<number>} y @param {number} n @param {number} meanX @param {number} meanY */
export function covariance(x, y, n, meanX, meanY) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (x[i] - meanX) * (y[i] - meanY);
  return sum / (n - 1);
}

/** Share each value between its two neighbours on the grid (linear binning).
 * @param {ArrayLike<number>} values @param {number} n @param {Grid} g */
export function bin1(values, n, g) {
  const counts = new Float64Array(g.size);
  for (let i = 0; i < n; i++) {
    const at = (values[i] - g.start) / g.step;
    const k = Math.floor(at);
    counts[k] += 1 - (at - k);
    counts[k + 1] += at - k;
  }
  return counts;
}

/** Share each pair between its four neighbours; entry [row y, column x] stands at row * gx.size + column.
 * @param {ArrayLike<number>} x @param {ArrayLike<number>} y @param {number} n @param {Grid} gx @param {Grid} gy */
export function bin2(x, y, n, gx, gy) {
  const counts = new Float64Array(gx.size * gy.size);
  for (let i = 0; i < n; i++) {
    const atX = (x[i] - gx.start) / gx.step;
    const atY = (y[i] - gy.start) / gy.step;
    const kx = Math.floor(atX);
    const ky = Math.floor(atY);
    const u = atX - kx;
    const v = atY - ky;
    const at = ky * gx.size + kx;
    counts[at] += (1 - u) * (1 - v);
    counts[at + 1] += u * (1 - v);
    counts[at + gx.size] += (1 - u) * v;
    counts[at + gx.size + 1] += u * v;
  }
  return counts;
}

/** Angular frequency number k of n points `step` apart. @param {number} k @param {number} n @param {number} step */
function frequency(k, n, step) {
  return (2 * Math.PI * (k <= n / 2 ? k : k - n)) / (n * step);
}

/**
 * Binned counts, smoothed by a Gaussian of the given variance and scaled to a density.
 * Linear binning adds step²/6 to the variance of what it bins; the kernel is made narrower by as much.
 * @param {Float64Array} counts @param {Grid} g @param {number} variance @param {number} total
 */
export function smooth1(counts, g, variance, total) {
  const n = g.size;
  const re = counts.slice();
  const im = new Float64Array(n);
  const own = Math.max(variance - g.step ** 2 / 6, 0);
  fourier(re, im, 0, 1, n);
  for (let k = 0; k < n; k++) {
    const factor = Math.exp(-0.5 * own * frequency(k, n, g.step) ** 2) / (n * total * g.step);
    re[k] *= factor;
    im[k] *= -factor; // conjugate: a second forward transform then inverts
  }
  fourier(re, im, 0, 1, n);
  return re;
}

/**
 * The same for pairs, with the covariance matrix [[cxx, cxy], [cxy, cyy]].
 * @param {Float64Array} counts @param {Grid} gx @param {Grid} gy
 * @param {number} cxx @param {number} cxy @param {number} cyy @param {number} total
 */
export function smooth2(counts, gx, gy, cxx, cxy, cyy, total) {
  const [nx, ny] = [gx.size, gy.size];
  const re = counts.slice();
  const im = new Float64Array(nx * ny);
  const ownX = Math.max(cxx - gx.step ** 2 / 6, 0);
  const ownY = Math.max(cyy - gy.step ** 2 / 6, 0);
  for (let row = 0; row < ny; row++) fourier(re, im, row * nx, 1, nx);
  const scale = 1 / (nx * ny * total * gx.step * gy.step);
  // The counts are real, so column nx - k is the mirror image of column k and half of the columns are enough.
  for (let k = 0; k <= nx / 2; k++) {
    fourier(re, im, k, nx, ny);
    const kx = frequency(k, nx, gx.step);
    for (let l = 0; l < ny; l++) {
      const ky = frequency(l, ny, gy.step);
      const factor = scale * Math.exp(-0.5 * (ownX * kx * kx + 2 * cxy * kx * ky + ownY * ky * ky));
      re[l * nx + k] *= factor;
      im[l * nx + k] *= -factor;
    }
    fourier(re, im, k, nx, ny);
  }
  for (let row = 0; row < ny; row++) {
    const at = row * nx;
    for (let k = nx / 2 + 1; k < nx; k++) {
      re[at + k] = re[at + nx - k];
      im[at + k] = -im[at + nx - k];
    }
    fourier(re, im, at, 1, nx);
  }
  return re;
}

/** Scott's factor: bandwidth over standard deviation for n points in d dimensions. @param {number} n @param {number} d */
export function scott(n, d) {
  return n ** (-1 / (d + 4));
}

/**
 * The density of a sample by a Gaussian kernel with Scott's bandwidth; null where all values agree.
 * @param {ArrayLike<number>} values @param {number} n @param {number} [size]
 */
export function kde1(values, n, size = 256) {
  const { variance, low, high } = moments(values, n);
  if (!(n > 1 && variance > 0)) return null;
  const h2 = variance * scott(n, 1) ** 2;
  const g = grid(low, high, Math.sqrt(h2), size);
  return { grid: g, values: smooth1(bin1(values, n, g), g, h2, n) };
}

/**
 * The joint density of a sample of pairs, with Scott's bandwidth and the full covariance; null where the pairs
 * lie on a line.
 * @param {ArrayLike<number>} x @param {ArrayLike<number>} y @param {number} n @param {number} [size]
 */
export function kde2(x, y, n, size = 128) {
  const mx = moments(x, n);
  const my = moments(y, n);
  const cxy = covariance(x, y, n, mx.mean, my.mean);
  if (!(n > 2 && mx.variance * my.variance - cxy ** 2 > 1e-9 * mx.variance * my.variance)) return null;
  const f = scott(n, 2) ** 2;
  const gx = grid(mx.low, mx.high, Math.sqrt(f * mx.variance), size);
  const gy = grid(my.low, my.high, Math.sqrt(f * my.variance), size);
  const counts = bin2(x, y, n, gx, gy);
  return { gx, gy, values: smooth2(counts, gx, gy, f * mx.variance, f * cxy, f * my.variance, n) };
}

const BINS = 4096;

/**
 * The density levels below which lie the given shares of the mass (as seaborn's `levels`), in rising order.
 * Found from a histogram of the square roots, which is as good as sorting and ten times as fast.
 * @param {Float64Array} density @param {number[]} shares
 */
export function shareLevels(density, shares) {
  let greatest = 0;
  for (const value of density) if (value > greatest) greatest = value;
  const mass = new Float64Array(BINS);
  let total = 0;
  for (const value of density) {
    if (!(value > 0)) continue;
    mass[Math.min(BINS - 1, Math.floor(Math.sqrt(value / greatest) * BINS))] += value;
    total += value;
  }
  const levels = [];
  let below = 0;
  let bin = 0;
  for (const share of shares) {
    while (bin < BINS - 1 && below + mass[bin] < share * total) below += mass[bin++];
    const part = mass[bin] > 0 ? (share * total - below) / mass[bin] : 0;
    levels.push(greatest * ((bin + part) / BINS) ** 2);
  }
  return levels;
}

/**
 * The line segments of one contour, by marching squares, as x, y, x, y, … in units of the grids.
 * @param {Float64Array} values @param {Grid} gx @param {Grid} gy @param {number} level @returns {number[]}
 */
export function contour(values, gx, gy, level) {
  /** @type {number[]} */
  const found = [];
  const nx = gx.size;
  for (let row = 0; row + 1 < gy.size; row++) {
    for (let column = 0; column + 1 < nx; column++) {
      const at = row * nx + column;
      const a = values[at] - level;
      const b = values[at + 1] - level;
      const c = values[at + nx + 1] - level;
      const d = values[at + nx] - level;
      const kind = (a > 0 ? 1 : 0) | (b > 0 ? 2 : 0) | (c > 0 ? 4 : 0) | (d > 0 ? 8 : 0);
      if (kind === 0 || kind === 15) continue;
      const bottom = [column + a / (a - b), row];
      const right = [column + 1, row + b / (b - c)];
      const top = [column + d / (d - c), row + 1];
      const left = [column, row + a / (a - d)];
      /** @type {number[][]} */
      let ends;
      if (kind === 1 || kind === 14) ends = [left, bottom];
      else if (kind === 2 || kind === 13) ends = [bottom, right];
      else if (kind === 3 || kind === 12) ends = [left, right];
      else if (kind === 4 || kind === 11) ends = [right, top];
      else if (kind === 6 || kind === 9) ends = [bottom, top];
      else if (kind === 7 || kind === 8) ends = [left, top];
      else if (kind === 5) ends = [left, bottom, right, top];
      else ends = [bottom, right, left, top];
      for (const [x, y] of ends) found.push(gx.start + x * gx.step, gy.start + y * gy.step);
    }
  }
  return found;
}

/** The logarithm of the average of e^t, without overflow. @param {ArrayLike<number>} t */
export function logMeanExp(t) {
  let greatest = -Infinity;
  for (let i = 0; i < t.length; i++) if (t[i] > greatest) greatest = t[i];
  let sum = 0;
  for (let i = 0; i < t.length; i++) sum += Math.exp(t[i] - greatest);
  return greatest + Math.log(sum / t.length);
}

/** Numbers sent by Python as little-endian 32-bit floats. @param {DataView | null | undefined} view */
export function floats(view) {
  if (!view) return new Float64Array(0);
  const found = new Float64Array(view.byteLength / 4);
  for (let i = 0; i < found.length; i++) found[i] = view.getFloat32(4 * i, true);
  return found;
}

/** Row numbers sent by Python as little-endian 32-bit integers. @param {DataView} view */
export function integers(view) {
  const found = new Int32Array(view.byteLength / 4);
  for (let i = 0; i < found.length; i++) found[i] = view.getInt32(4 * i, true);
  return found;
}
