// The mixture of two Gaussians: its three divergences from a reference in population, and the trainings on samples.
import { Critic } from "./critic.mjs";

const [CELL, CELLS] = [0.05, 170]; // squares of a quarter of the plane; beyond lies less than 1e-16 of the mass
export const LIMIT = 1000; // iterations of a run
export const POOL = 2000; // reference points that an estimate is read from
export const EVERY = 20; // iterations from one estimate to the next
const [BATCH, REFERENCES, RATE, SHIFTS] = [100, 200, 0.03, 5];

/** @typedef {import("./maths.mjs").Stream} Stream */
/** @typedef {{kind: "gaussian" | "box", width: number}} Reference N(0, width²) or uniform on (-width, width), for each variable */
/** @typedef {{joint: number, x: number, y: number, moment: number}} Terms three divergences in nats, and E r² under the reference */

/** Standard normal X and Y whose correlation is +rho or -rho, as a coin falls. */
export class Mixture {
  /** @param {number} rho */
  constructor(rho) {
    this.rho = rho;
    const centres = Float64Array.from({ length: CELLS }, (_, i) => (i + 0.5) * CELL);
    const logNormal = centres.map((v) => -(v * v + Math.log(2 * Math.PI)) / 2);
    /** The log density of the pair in each square, row after row. */
    this.log = new Float64Array(CELLS * CELLS);
    /** The mass of each square with its three mirror images. */
    this.mass = new Float64Array(CELLS * CELLS);
    let [mean, squares] = [0, 0];
    for (let i = 0, at = 0; i < CELLS; i++)
      for (let j = 0; j < CELLS; j++, at++) {
        const density = this.information(centres[i], centres[j]);
        this.log[at] = density + logNormal[i] + logNormal[j];
        this.mass[at] = 4 * CELL * CELL * Math.exp(this.log[at]);
        mean += this.mass[at] * density;
        squares += this.mass[at] * density * density;
      }
    this.centres = centres;
    this.logNormal = logNormal;
    /** The mutual information, in nats. */
    this.truth = mean;
    /** The variance of the information density. */
    this.variance = squares - mean * mean;
  }

  /** The information density, in nats. @param {number} x @param {number} y */
  information(x, y) {
    const s = 1 - this.rho ** 2;
    const [product, own] = [(this.rho * x * y) / s, (this.rho ** 2 * (x * x + y * y)) / (2 * s)];
    return Math.abs(product) + Math.log1p(Math.exp(-2 * Math.abs(product))) - Math.LN2 - own - Math.log(s) / 2;
  }

  /** Each term by a sum of its own. From a box, which the pair leaves with some probability, the divergences are
   * infinite; what comes is those of the pair given that it stays inside. @param {Reference} reference @returns {Terms} */
  terms({ kind, width }) {
    const inside = kind === "box" ? Math.round(width / CELL) : CELLS;
    let total = 0;
    for (let i = 0; i < inside; i++) for (let j = 0; j < inside; j++) total += this.mass[i * CELLS + j];
    const flat = -Math.log(2 * width);
    const log = this.centres.map((v) => (kind === "box" ? flat : -((v / width) ** 2 + Math.log(2 * Math.PI)) / 2 - Math.log(width)));
    let [joint, x, squares] = [0, 0, 0];
    for (let i = 0; i < inside; i++) {
      let row = 0;
      for (let j = 0, at = i * CELLS; j < inside; j++, at++) {
        const mass = this.mass[at] / total;
        const ratio = this.log[at] - Math.log(total) - log[i] - log[j];
        joint += mass * ratio;
        if (kind === "box") squares += mass * Math.exp(ratio);
        row += mass;
      }
      if (row > 0) x += row * (Math.log(row / (2 * CELL)) - log[i]);
    }
    return { joint, x, y: x, moment: kind === "box" ? squares : this.moment(width) };
  }

  /** E r² under the Gaussian reference, by its formula: infinite if the reference is too narrow. @param {number} width */
  moment(width) {
    const [along, across] = [1 + this.rho, 1 - this.rho];
    const [a, b, c] = [2 / along, 2 / across, 2 / (along * across)].map((v) => v - width ** -2);
    return a > 0 ? (width ** 2 * (1 / Math.sqrt(a * b) + 1 / c)) / (2 * along * across) : Infinity;
  }

  /** n pairs as two columns. @param {number} n @param {Stream} stream */
  sample(n, stream) {
    const [x, noise] = [stream.normals(new Float64Array(n)), stream.normals(new Float64Array(n))];
    const scale = Math.sqrt(1 - this.rho ** 2);
    return [x, x.map((v, i) => (stream.uniform() < 0.5 ? -1 : 1) * (this.rho * v + scale * noise[i]))];
  }

  /** The average information density of a sample, in nats. @param {Float64Array[]} sample */
  oracle([x, y]) {
    return x.reduce((sum, v, i) => sum + this.information(v, y[i]), 0) / x.length;
  }
}

/** m reference points of one variable. @param {Reference} reference @param {number} m @param {Stream} stream */
export function drawReference({ kind, width }, m, stream) {
  if (kind === "gaussian") return stream.normals(new Float64Array(m)).map((v) => width * v);
  return Float64Array.from({ length: m }, () => width * (2 * stream.uniform() - 1));
}

/** Rows of both columns. @param {Float64Array[]} columns @param {ArrayLike<number>} rows */
function take(columns, rows) {
  return columns.map((column) => Float64Array.from(rows, (row) => column[row]));
}

/** Each x with the y that stands further on, one copy for each shift. @param {Float64Array[]} sample @param {number[]} shifts */
function shifted([x, y], shifts) {
  const n = x.length;
  const size = shifts.length * n;
  return [
    Float64Array.from({ length: size }, (_, i) => x[i % n]),
    Float64Array.from({ length: size }, (_, i) => y[(i + shifts[Math.floor(i / n)]) % n]),
  ];
}

/** A training that records its estimates. */
class Training {
  /** @param {Float64Array[]} sample @param {Stream} stream @param {number[]} start the estimates before the first record */
  constructor(sample, stream, start) {
    this.sample = sample;
    this.stream = stream;
    this.count = 0;
    this.last = start;
    /** @type {number[][]} */
    this.history = [];
  }

  /** The step size of Adam, which falls to zero along a cosine. */
  rate() {
    return (RATE * (1 + Math.cos((Math.PI * this.count) / LIMIT))) / 2;
  }

  batch() {
    return take(this.sample, this.stream.permutation(this.sample[0].length).subarray(0, BATCH));
  }

  /** Count an iteration, and read off the estimates now and then. @param {() => number[]} estimate */
  record(estimate) {
    this.count++;
    if (this.count % EVERY === 0) this.history.push((this.last = estimate()));
  }
}

/** MI-NEE: three critics, each against the same reference. Its estimates are D_XY, D_X, D_Y and the difference. */
export class ThreeCritics extends Training {
  /** @param {Float64Array[]} sample @param {Reference | Float64Array[]} reference a law, or points of it @param {Stream} stream */
  constructor(sample, reference, stream) {
    super(sample, stream, [0, 0, 0, 0]);
    this.reference = reference;
    this.joint = new Critic(2, 32, stream);
    this.x = new Critic(1, 16, stream);
    this.y = new Critic(1, 16, stream);
    this.pool = this.draw(POOL);
  }

  /** @param {number} m */
  draw(m) {
    const { reference, stream } = this;
    if (!Array.isArray(reference)) return [0, 1].map(() => drawReference(reference, m, stream));
    return take(reference, Int32Array.from({ length: m }, () => stream.below(reference[0].length)));
  }

  step() {
    const [[x, y], [u, v], rate] = [this.batch(), this.draw(REFERENCES), this.rate()];
    this.joint.climb([x, y], [u, v], rate);
    this.x.climb([x], [u], rate);
    this.y.climb([y], [v], rate);
    this.record(() => this.estimate());
  }

  estimate() {
    const [[x, y], [u, v]] = [this.sample, this.pool];
    const found = [this.joint.bound([x, y], [u, v]), this.x.bound([x], [u]), this.y.bound([y], [v])];
    return [...found, found[0] - found[1] - found[2]];
  }
}

/** MINE: one critic against shifts of the sample itself. */
export class OneCritic extends Training {
  /** @param {Float64Array[]} sample @param {Stream} stream */
  constructor(sample, stream) {
    super(sample, stream, [0]);
    this.critic = new Critic(2, 32, stream);
    this.pool = shifted(sample, this.shifts(sample[0].length, SHIFTS));
  }

  /** @param {number} n @param {number} count */
  shifts(n, count) {
    return Array.from({ length: count }, () => 1 + this.stream.below(n - 1));
  }

  step() {
    const batch = this.batch();
    this.critic.climb(batch, shifted(batch, this.shifts(BATCH, REFERENCES / BATCH)), this.rate());
    this.record(() => [this.critic.bound(this.sample, this.pool)]);
  }
}

/** Mean and standard deviation. @param {number[]} values */
export function scatter(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

/** How much the average of e^t over the pool scatters at the best critic, as a share of itself. @param {number} moment E r² */
export function poolNoise(moment) {
  return Math.sqrt((moment - 1) / POOL);
}
