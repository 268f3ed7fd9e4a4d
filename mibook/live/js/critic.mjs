// A small critic and its training: one hidden layer, the Donsker–Varadhan bound, Adam. Nothing here knows the page.
import { logMeanExp } from "./maths.mjs";

const [DECAY, SQUARES, TINY] = [0.9, 0.999, 1e-8]; // Adam's own

/** Points as one array for each coordinate. @typedef {Float64Array[]} Columns */

/** t(z) = Σ v_k elu(w_k · z + b_k), trained to maximise the bound on a divergence, in nats. */
export class Critic {
  /** Weights from the scale of He et al., biases standard normal, so that the units bend in different places.
   * @param {number} inputs @param {number} hidden @param {import("./maths.mjs").Stream} stream */
  constructor(inputs, hidden, stream) {
    this.inputs = inputs;
    this.hidden = hidden;
    const first = hidden * inputs;
    /** The weights w, the biases b and the outputs v, one after the other. */
    this.weights = stream.normals(new Float64Array(first + 2 * hidden));
    for (let k = 0; k < first; k++) this.weights[k] *= Math.sqrt(2 / inputs);
    for (let k = first + hidden; k < this.weights.length; k++) this.weights[k] *= Math.sqrt(2 / hidden);
    this.gradient = new Float64Array(this.weights.length);
    this.mean = new Float64Array(this.weights.length);
    this.square = new Float64Array(this.weights.length);
    this.steps = 0;
  }

  /** What the hidden units say at each point, unit after unit, shape (hidden, n). @param {Columns} z */
  units(z) {
    const n = z[0].length;
    const found = new Float64Array(this.hidden * n);
    for (let k = 0, start = 0; k < this.hidden; k++, start += n) {
      found.fill(this.weights[this.hidden * this.inputs + k], start, start + n);
      for (let d = 0; d < this.inputs; d++) {
        const [w, column] = [this.weights[k * this.inputs + d], z[d]];
        for (let i = 0; i < n; i++) found[start + i] += w * column[i];
      }
    }
    for (let at = 0; at < found.length; at++) if (found[at] < 0) found[at] = Math.exp(found[at]) - 1;
    return found;
  }

  /** The critic at each point, shape (n,). @param {Columns} z @param {Float64Array} [units] */
  values(z, units = this.units(z)) {
    const n = z[0].length;
    const t = new Float64Array(n);
    for (let k = 0, at = 0; k < this.hidden; k++) {
      const v = this.weights[this.hidden * (this.inputs + 1) + k];
      for (let i = 0; i < n; i++, at++) t[i] += v * units[at];
    }
    return t;
  }

  /** The bound on these points in nats. @param {Columns} data @param {Columns} reference */
  bound(data, reference) {
    const t = this.values(data);
    return t.reduce((a, b) => a + b, 0) / t.length - logMeanExp(this.values(reference));
  }

  /** Add to the gradient that of Σ_i share_i t(z_i). @param {Columns} z @param {Float64Array} units @param {Float64Array} share */
  pull(z, units, share) {
    const { inputs, hidden, weights, gradient } = this;
    const back = new Float64Array(share.length);
    for (let k = 0, start = 0; k < hidden; k++, start += share.length) {
      const v = weights[hidden * (inputs + 1) + k];
      let [output, bias] = [0, 0];
      for (let i = 0; i < share.length; i++) {
        const e = units[start + i];
        output += share[i] * e;
        back[i] = e > 0 ? share[i] : share[i] * (e + 1);
        bias += back[i];
      }
      for (let d = 0; d < inputs; d++) {
        const column = z[d];
        let sum = 0;
        for (let i = 0; i < back.length; i++) sum += back[i] * column[i];
        gradient[k * inputs + d] += v * sum;
      }
      gradient[hidden * inputs + k] += v * bias;
      gradient[hidden * (inputs + 1) + k] += output;
    }
  }

  /** One step of Adam uphill; return the bound before it, in nats.
   * @param {Columns} data @param {Columns} reference @param {number} rate */
  climb(data, reference, rate) {
    const [onData, onReference] = [this.units(data), this.units(reference)];
    const [t, s] = [this.values(data, onData), this.values(reference, onReference)];
    const log = logMeanExp(s);
    this.gradient.fill(0);
    this.pull(data, onData, new Float64Array(t.length).fill(1 / t.length));
    this.pull(reference, onReference, s.map((v) => -Math.exp(v - log) / s.length));
    this.steps++;
    const [trust, scale] = [1 - DECAY ** this.steps, 1 - SQUARES ** this.steps];
    for (let k = 0; k < this.weights.length; k++) {
      const g = this.gradient[k];
      this.mean[k] = DECAY * this.mean[k] + (1 - DECAY) * g;
      this.square[k] = SQUARES * this.square[k] + (1 - SQUARES) * g * g;
      this.weights[k] += (rate * this.mean[k]) / trust / (Math.sqrt(this.square[k] / scale) + TINY);
    }
    return t.reduce((a, b) => a + b, 0) / t.length - log;
  }
}
