// How far the reference term scatters: for Gaussian pairs with correlation rho and the critic lam * t*, t* the log
// ratio, whose e^t is r^lam. Used by the figure on resampling.

/** @typedef {import("./maths.mjs").Stream} Stream */
/** @typedef {"without" | "derangement" | "with" | "all"} Method */

/** E r(X', Y')^a under the product law; infinite where it does not exist. @param {number} rho @param {number} a */
export function ratioMoment(rho, a) {
  const inside = 1 - (a - 1) ** 2 * rho ** 2;
  return inside > 0 ? (1 - rho ** 2) ** ((1 - a) / 2) / Math.sqrt(inside) : Infinity;
}

/**
 * Choose m reference pairs: the rows of X and the rows of Y. "all" returns at most m of the n(n - 1) pairs, to draw.
 * @param {Method} method @param {number} n @param {number} m @param {Stream} stream
 */
export function choose(method, n, m, stream) {
  const J = new Int32Array(m);
  const K = new Int32Array(m);
  if (method === "without") {
    J.set(stream.permutation(n).subarray(0, m));
    K.set(stream.permutation(n).subarray(0, m));
  } else if (method === "derangement") {
    const order = stream.permutation(n); // shift by 1, 2, … places along a random circle
    for (let i = 0; i < m; i++) {
      J[i] = order[i % n];
      K[i] = order[(i + 1 + Math.floor(i / n)) % n];
    }
  } else {
    for (let i = 0; i < m; i++) {
      J[i] = stream.below(n);
      K[i] = method === "with" ? stream.below(n) : (J[i] + 1 + stream.below(n - 1)) % n;
    }
  }
  return { J, K };
}

/**
 * The standard deviation over fresh samples of log avg e^t, to first order; infinite where the variance is.
 * The sum of three parts: what X and Y contribute alone, what only pairs hold, and the true pairs.
 * @param {Method} method @param {number} n @param {number} m @param {number} rho @param {number} lam
 */
export function spreadTheory(method, n, m, rho, lam) {
  const r2 = rho ** 2;
  const inside = 1 - r2 + lam * r2;
  const w = (lam * (1 - lam) * r2) / inside;
  const scale = (1 - r2) ** ((1 - lam) / 2) / Math.sqrt(inside);
  const mean = ratioMoment(rho, lam);
  const varianceAlone = scale ** 2 / Math.sqrt(1 + 2 * w) - mean ** 2;
  const covarianceAlone = scale ** 2 / Math.sqrt((1 + w * (1 + rho)) * (1 + w * (1 - rho))) - mean ** 2;
  const variancePairs = ratioMoment(rho, 2 * lam) - mean ** 2 - 2 * varianceAlone;

  // How often, in expectation, two reference pairs share the row of X (as of Y), and the rows of X and Y of one pair.
  const turns = Math.floor(m / n);
  const rest = m % n;
  let same = m;
  let crossed = (m * m) / n;
  let pairs = 1 / m;
  if (method === "with") {
    same = m + (m * (m - 1)) / n;
    pairs += 1 / (n * n);
  } else if (method === "derangement") {
    same = (n - rest) * turns ** 2 + rest * (turns + 1) ** 2;
    crossed = turns > 0 ? same : m - 1;
  } else if (method === "all") {
    same = crossed = n * (n - 1) ** 2;
  }
  let variance = (varianceAlone * 2 * same + 2 * covarianceAlone * crossed) / m ** 2 + variancePairs * pairs;
  if (method === "all") variance += mirrored(rho, lam) / m;
  if (method === "without" || method === "with") {
    const [first, second] = [ratioMoment(rho, lam + 1), ratioMoment(rho, 2 * lam + 1)];
    variance += (second - 2 * mean * first + mean ** 2) / (n * m); // about m / n true pairs
  }
  return Math.sqrt(variance) / mean;
}

/** The part that a pair and its mirror image share, known at the optimal critic; else left out: it is of order 1/n².
 * @param {number} rho @param {number} lam */
function mirrored(rho, lam) {
  return lam === 1 ? rho ** 4 / (1 - rho ** 4) : 0;
}

/**
 * log avg e^t on one fresh sample of n pairs whose reference is chosen anew.
 * @param {Method} method @param {number} n @param {number} m @param {number} rho @param {number} lam @param {Stream} stream
 */
export function spreadSample(method, n, m, rho, lam, stream) {
  const x = stream.normals(new Float64Array(n));
  const y = stream.normals(new Float64Array(n));
  const own = Math.sqrt(1 - rho ** 2);
  for (let i = 0; i < n; i++) y[i] = rho * x[i] + own * y[i];
  const linear = (lam * rho) / (1 - rho ** 2);
  const square = (-lam * rho ** 2) / (2 * (1 - rho ** 2));
  const { J, K } = choose(method, n, m, stream);
  let sum = 0;
  for (let i = 0; i < m; i++) {
    const a = x[J[i]];
    const b = y[K[i]];
    sum += Math.exp(linear * a * b + square * (a * a + b * b));
  }
  return Math.log(sum / m) - (lam / 2) * Math.log(1 - rho ** 2);
}
