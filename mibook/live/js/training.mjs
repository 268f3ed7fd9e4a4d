// MINE without torch: the exported step and critic on samples, batches and weights that are drawn here.
// mibook/live/mine.py draws the same samples and the same weights for the chapter's own trainer.
import { Stream, logMeanExp } from "./maths.mjs";

export const SHIFTS = 20; // cyclic shifts in the reference of an estimate …
export const MOST = 20000; // … and its pairs, at most
export const [EDGE, SIDE] = [3, 41]; // the heat map has SIDE × SIDE points, from -EDGE to EDGE
const [WEIGHTS, BATCHES, REFERENCES] = [1000003, 2000003, 3000017]; // added to the seed for a stream of its own

/** @typedef {{rho: number, n: number, b: number, beta: number, lr: number, start: string, seed: number}} Settings */
/** @typedef {[string, number[]][]} Layout name and shape of each parameter */
/** @typedef {{x: Float32Array, y: Float32Array}} Pairs */
/** What a look at the critic gives: two estimates, how far it is from the log ratio, and t on the grid, in nats.
 * @typedef {{iteration: number, estimate: number, held: number, gap: number, heat: Float32Array}} Look */
/** The parts of ONNX Runtime that are used. @typedef {{run(feeds: Record<string, any>): Promise<Record<string, any>>}} Session */
/** @typedef {{Tensor: new (type: "float32", data: Float32Array, dims: number[]) => any}} Runtime */

/** n standard normal pairs with correlation rho, and n more that training never sees. @param {Settings} settings */
export function draw({ rho, n, seed }) {
  const stream = new Stream(seed);
  /** @returns {Pairs} */
  const pairs = () => {
    const [u, v] = [stream.normals(new Float64Array(n)), stream.normals(new Float64Array(n))];
    const own = Math.sqrt(1 - rho * rho);
    return { x: Float32Array.from(u), y: Float32Array.from(v, (w, i) => rho * u[i] + own * w) };
  };
  return { data: pairs(), held: pairs() };
}

/** The log ratio of the joint density to the product of its marginals, in nats. @param {number} rho @param {number} x @param {number} y */
export function information(rho, x, y) {
  const s = 1 - rho * rho;
  return (2 * rho * x * y - rho * rho * (x * x + y * y)) / (2 * s) - Math.log(s) / 2;
}

/** The information of the law, the noise and the oracle of n pairs, in nats. @param {number} rho @param {Pairs} pairs */
export function landmarks(rho, { x, y }) {
  const oracle = x.reduce((sum, v, i) => sum + information(rho, v, y[i]), 0) / x.length;
  return { truth: -Math.log(1 - rho * rho) / 2, noise: rho / Math.sqrt(x.length), oracle };
}

/** The weights to start from, biases at zero: "he", or the standard deviation of all. @param {Layout} layout
 * @param {string} start @param {number} seed */
export function startWeights(layout, start, seed) {
  const stream = new Stream(seed + WEIGHTS);
  const last = layout.findLastIndex(([, shape]) => shape.length > 1);
  const parts = layout.map(([, shape], k) => {
    const values = new Float64Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length < 2) return values;
    const sd = start === "he" ? Math.sqrt((k === last ? 1 : 2) / shape[1]) : Number(start);
    return stream.normals(values).map((z) => sd * z);
  });
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** One training from its start. */
export class Training {
  /** @param {Runtime} runtime @param {{step: Session, critic: Session}} graphs @param {Layout} layout @param {Settings} settings */
  constructor(runtime, graphs, layout, settings) {
    this.runtime = runtime;
    this.graphs = graphs;
    this.settings = settings;
    const { data, held } = draw(settings);
    this.data = data;
    this.held = held;
    const theta = startWeights(layout, settings.start, settings.seed);
    const state = new Float32Array(3 * theta.length);
    state.set(theta);
    this.state = this.tensor(state, [3, theta.length]);
    this.m = this.number(1);
    this.beta = this.number(settings.beta);
    this.lr = this.number(settings.lr);
    this.batches = new Stream(settings.seed + BATCHES);
    this.references = new Stream(settings.seed + REFERENCES);
    this.iteration = 0;
  }

  /** @param {Float32Array} values @param {number[]} shape */
  tensor(values, shape) {
    return new this.runtime.Tensor("float32", values, shape);
  }
  /** @param {number} value */
  number(value) {
    return this.tensor(Float32Array.of(value), []);
  }
  /** @param {Float32Array} values */
  column(values) {
    return this.tensor(values, [values.length, 1]);
  }

  /** Use every pair once in each of so many epochs, as the chapter's trainer does, in one call of the graph; return
   * the losses. @param {number} [epochs] */
  async epochs(epochs = 1) {
    const { n, b } = this.settings;
    const k = n / b;
    const steps = epochs * k;
    const [x, y, away] = [new Float32Array(steps * b), new Float32Array(steps * b), new Float32Array(steps * b)];
    for (let epoch = 0, to = 0; epoch < epochs; epoch++) {
      const order = this.batches.permutation(n);
      const places = 1 + this.batches.below(n - 1);
      for (let j = 0; j < k; j++)
        for (let i = 0; i < b; i++, to++) {
          const at = j + i * k;
          x[to] = this.data.x[order[at]];
          y[to] = this.data.y[order[at]];
          away[to] = this.data.y[order[(at - places + n) % n]];
        }
    }
    const batches = (/** @type {Float32Array} */ values) => this.tensor(values, [steps, b, 1]);
    const found = await this.graphs.step.run({
      first_state: this.state,
      first_m: this.m,
      first_count: this.number(this.iteration + 1),
      all_x: batches(x),
      all_y: batches(y),
      all_y_ref: batches(away),
      beta: this.beta,
      lr: this.lr,
    });
    const losses = [...found.losses.data];
    const broken = losses.findIndex((loss) => !Number.isFinite(loss));
    if (broken >= 0)
      throw new Error(
        `The loss is ${losses[broken]} at iteration ${this.iteration + broken}: the constant in t has drifted until exp overflowed. ` +
          "Take a smaller learning rate or a larger β, and reset.",
      );
    this.state = found.last_state;
    this.m = found.last_m;
    this.iteration += steps;
    return losses;
  }

  /** The critic at many pairs, in nats. @param {Float32Array} x @param {Float32Array} y @returns {Promise<Float32Array>} */
  async critic(x, y) {
    return (await this.graphs.critic.run({ state: this.state, x: this.column(x), y: this.column(y) })).log_ratio.data;
  }

  /** The Donsker–Varadhan value of pairs against cyclic shifts of them; t there, and the constant that it ought to lose.
   * @param {Pairs} pairs */
  async value({ x, y }) {
    const n = x.length;
    const number = Math.min(SHIFTS, Math.floor(MOST / n));
    const shifts = this.references.permutation(n - 1).slice(0, number);
    const t = await this.critic(x, y);
    const [xs, ys] = [new Float32Array(number * n), new Float32Array(number * n)];
    shifts.forEach((shift, s) => {
      xs.set(x, s * n);
      ys.set(y.subarray(shift + 1), s * n);
      ys.set(y.subarray(0, shift + 1), (s + 1) * n - shift - 1);
    });
    const constant = logMeanExp(await this.critic(xs, ys));
    return { estimate: t.reduce((a, b) => a + b, 0) / n - constant, t, constant };
  }

  /** @returns {Promise<Look>} */
  async look() {
    const { estimate, t, constant } = await this.value(this.data);
    const held = (await this.value(this.held)).estimate;
    const { x, y } = this.data;
    const squares = t.reduce((sum, v, i) => sum + (v - constant - information(this.settings.rho, x[i], y[i])) ** 2, 0);
    const at = Float32Array.from({ length: SIDE }, (_, i) => -EDGE + (2 * EDGE * i) / (SIDE - 1));
    const grid = Array.from({ length: SIDE * SIDE }, (_, i) => i);
    const heat = await this.critic(
      Float32Array.from(grid, (i) => at[i % SIDE]),
      Float32Array.from(grid, (i) => at[Math.floor(i / SIDE)]),
    );
    return { iteration: this.iteration, estimate, held, gap: Math.sqrt(squares / t.length), heat: heat.map((v) => v - constant) };
  }
}

/** How many epochs make at least ten iterations: between two looks. @param {Settings} settings */
export function epochsBetween({ n, b }) {
  return Math.ceil(10 / (n / b));
}
