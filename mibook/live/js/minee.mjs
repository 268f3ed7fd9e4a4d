// Three divergences and their difference: exact for every width of the reference, and estimated while you watch.
import { Stream, floats } from "./maths.mjs";
import { EVERY, LIMIT, Mixture, OneCritic, POOL, ThreeCritics, poolNoise, scatter } from "./mixture.mjs";
import { Stage, area, axes, beyond, clipped, key, line, number, words } from "./figure.mjs";
import { Player, forAFrame } from "./player.mjs";

const SPAN = { gaussian: { low: 0.5, high: 4 }, box: { low: 1, high: 6 } };
const [SAMPLES, WORK] = [20, 8]; // samples that play goes through, milliseconds a frame
const [LOWEST, HIGHEST] = [-0.2, 2.6]; // of the axes, in nats

/** A finished training of MI-NEE. @typedef {{kind: string, width: number, seed: number, last: number[]}} Result */

/** @typedef {"gaussian" | "box" | "own"} Kind */

/** The reference that is chosen, what it is worth in population, and the trainings so far. */
class Race {
  /** @param {import("./figure.mjs").Model} model */
  constructor(model) {
    this.n = model.get("n");
    this.mixture = new Mixture(model.get("rho"));
    this.truth = this.mixture.truth;
    this.noise = Math.sqrt(this.mixture.variance / this.n);
    this.first = model.get("seed");
    this.seed = this.first;
    this.kind = /** @type {Kind} */ (model.get("reference"));
    /** @type {Record<string, number>} */
    this.width = { gaussian: 2, box: 3.2, [this.kind]: model.get("width") };
    /** @type {import("./mixture.mjs").Terms | null} */
    this.terms = null; // of an own reference nobody knows them
    /** @type {{widths: number[], joint: number[], one: number[], rest: number[]}} */
    this.curves = { widths: [], joint: [], one: [], rest: [] };
    /** @type {ThreeCritics | null} */
    this.run = null;
    /** @type {Map<number, OneCritic>} */
    this.mine = new Map(); // by seed: MINE knows no reference, so a sample is trained on once
    /** @type {Result[]} */
    this.results = [];
    this.trace();
  }

  present() {
    return this.kind === "own" ? 1 : this.width[this.kind];
  }

  here() {
    return this.results.filter((one) => one.kind === this.kind && one.width === this.present());
  }

  rival() {
    return /** @type {OneCritic} */ (this.mine.get(this.seed));
  }

  /** @param {number} seed */
  trained(seed) {
    return /** @type {OneCritic} */ (this.mine.get(seed)).last[0];
  }

  sample() {
    return this.mixture.sample(this.n, new Stream(this.seed));
  }

  /** The three divergences in population against the width. */
  trace() {
    const { kind } = this;
    if (kind === "own") return;
    const { low, high } = SPAN[kind];
    const widths = Array.from({ length: 51 }, (_, k) => Math.round((low + ((high - low) * k) / 50) * 20) / 20);
    const all = widths.map((width) => this.mixture.terms({ kind, width }));
    this.curves = { widths, joint: all.map((t) => t.joint), one: all.map((t) => t.x), rest: all.map((t) => t.joint - t.x - t.y) };
  }

  /** Take the sample of a seed; train on it with a reference that this module draws. @param {number} seed */
  begin(seed) {
    this.seed = seed;
    const [sample, { kind }] = [this.sample(), this];
    if (!this.mine.has(seed)) this.mine.set(seed, new OneCritic(sample, new Stream(seed + 2000003)));
    const given = kind === "own" ? null : { kind, width: this.width[kind] };
    this.terms = given && this.mixture.terms(given);
    this.run = given && new ThreeCritics(sample, given, new Stream(seed + 1000003));
  }

  /** Train with a reference sample of the reader's own. @param {Float64Array[]} drawn */
  take(drawn) {
    this.run = new ThreeCritics(this.sample(), drawn, new Stream(this.seed + 1000003));
  }

  /** The first sample that this reference has not had. */
  next() {
    return this.first + Math.min(this.here().length, SAMPLES - 1);
  }

  /** One iteration of both trainings; whether this sample has another. */
  iterate() {
    const { run } = this;
    if (!run || run.count >= LIMIT) return !run; // without one it waits for the kernel
    run.step();
    if (this.rival().count < run.count) this.rival().step();
    if (run.count === LIMIT && this.here().length <= this.seed - this.first)
      this.results.push({ kind: this.kind, width: this.present(), seed: this.seed, last: run.last });
    return true;
  }

  /** Iterations over all samples so far. */
  iterations() {
    return (this.seed - this.first) * LIMIT + (this.run?.count ?? 0);
  }

  sentence() {
    if (!this.run) return "Waiting for the kernel …";
    const done = this.here();
    let text = "";
    if (this.terms) {
      const { joint, x, y, moment } = this.terms;
      const given = this.kind === "box" ? "Given that the pair stays in the box, in population: " : "In population: ";
      text += `${given}${number(joint, 3)} − ${number(x, 3)} − ${number(y, 3)} = ${number(joint - x - y, 3)} nats; `;
      const share = poolNoise(moment);
      text += `at the best critic the average over ${POOL} reference points scatters by ${share < Infinity ? `${number(100 * share, 1)} %` : "∞"}. `;
    }
    if (done.length < 2) return `${text}${this.run.count} iterations on sample ${this.seed - this.first + 1}.`;
    const [ours, theirs] = [scatter(done.map(({ last }) => last[3])), scatter(done.map((one) => this.trained(one.seed)))];
    const both = `MI-NEE ${number(ours.mean, 3)} ± ${number(ours.sd, 3)}, MINE ${number(theirs.mean, 3)} ± ${number(theirs.sd, 3)}.`;
    return `${text}On ${done.length} samples: ${both}`;
  }
}

/** The race on the page: its samples one after the other, and the reader's own reference out of a kernel. */
class Track {
  /** @param {Race} race @param {Stage} stage @param {import("./figure.mjs").Model} model */
  constructor(race, stage, model) {
    this.race = race;
    this.stage = stage;
    this.model = model;
    this.fault = "";
    this.patience = 0;
    /** @type {Player | null} */
    this.player = null;
    this.heard = (/** @type {{error?: string, seed: number}} */ reply, /** @type {DataView[]} */ buffers) => this.answered(reply, buffers);
    model.on("msg:custom", this.heard);
  }

  sentence() {
    return this.fault ? `Your function stopped with ${this.fault}` : this.race.sentence();
  }

  tell() {
    this.stage.say(this.sentence());
  }

  /** Start on the sample of this seed; an own reference comes from the kernel first. @param {number} seed */
  begin(seed) {
    this.race.begin(seed);
    this.fault = "";
    clearTimeout(this.patience);
    if (this.race.kind === "own" && this.model.send) {
      this.model.send({ ask: "reference", seed });
      const quiet = "The kernel does not answer: is it running, and was this cell run in it?";
      this.patience = setTimeout(() => this.stage.say(quiet), 5000);
    }
    this.stage.redraw();
  }

  /** @param {{error?: string, seed: number}} reply @param {DataView[]} buffers */
  answered(reply, buffers) {
    if (this.race.kind !== "own" || reply.seed !== this.race.seed) return; // the reader has gone on
    clearTimeout(this.patience);
    this.fault = reply.error ?? "";
    if (this.fault) this.pause();
    else this.race.take(buffers.map(floats));
    this.tell();
    this.stage.redraw();
  }

  /** Go on with the first sample that this reference has not had. */
  restart() {
    this.begin(this.race.next());
    if (this.stage.bar) this.stage.progress(this.race.iterations(), SAMPLES * LIMIT);
    this.tell();
  }

  /** One iteration, on the next sample where this one is done; false when all samples are. */
  iterate() {
    if (this.race.iterate()) return true;
    const seed = this.race.seed + 1;
    if (seed >= this.race.first + SAMPLES) return false;
    this.begin(seed);
    return true;
  }

  pause() {
    this.stage.run(null);
    this.player?.show(false);
    this.tell();
  }

  play() {
    this.player?.show(true);
    this.stage.say("Training …");
    this.stage.run(() => {
      const more = forAFrame(WORK, () => this.iterate());
      this.stage.progress(this.race.iterations(), SAMPLES * LIMIT);
      if (!more) this.pause();
      return more;
    });
  }

  destroy() {
    this.model.off("msg:custom", this.heard);
    clearTimeout(this.patience);
  }
}

/** @param {Track} track @param {Race} race @param {Stage} stage @param {boolean} own whether the reader's function is one */
function settings(track, race, stage, own) {
  /** @type {[string, string][]} */
  const options = [["gaussian", "Gaussian, N(0, s²) each"], ["box", "box, uniform on (−h, h) each"]];
  if (own) options.push(["own", "your own function"]);
  stage.choice({
    label: "Reference",
    name: "reference",
    options,
    value: race.kind,
    act: (value) => {
      const kind = (race.kind = /** @type {Kind} */ (value));
      if (kind === "own") slider.set({ value: 1, enabled: false });
      else slider.set({ ...SPAN[kind], value: race.width[kind], enabled: true });
      race.trace();
      track.restart();
    },
  });
  const slider = stage.range({
    label: "Width of the reference",
    name: "width",
    ...SPAN[race.kind === "box" ? "box" : "gaussian"],
    step: 0.05,
    value: race.present(),
    show: (v) => (race.kind === "own" ? "as you draw it" : `${race.kind === "box" ? "h" : "s"} = ${number(v, 2)}`),
    act: (value) => {
      if (race.kind !== "own") race.width[race.kind] = value;
      track.restart();
    },
  });
  track.player = new Player(stage, {
    playing: () => Boolean(stage.work),
    play: () => track.play(),
    pause: () => track.pause(),
    step: () => {
      track.pause();
      track.iterate();
      track.tell();
      stage.redraw();
    },
    reset: () => {
      track.pause();
      race.results = [];
      track.restart();
    },
  });
}

/** The identity: the three terms and their difference against the width.
 * @param {Race} race @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawIdentity(race, ctx, w, height, c) {
  const { kind, truth, noise, curves } = race;
  const box = { left: 50, top: 64, right: w - 18, bottom: height - 40 };
  const { low, high } = kind === "own" ? { low: 0, high: 2 } : SPAN[kind];
  const label = kind === "box" ? "half width h of the box" : kind === "own" ? "your reference" : "standard deviation s of the reference";
  const f = axes(ctx, box, { low, high, label, ticks: kind === "own" ? [] : undefined }, { low: LOWEST, high: HIGHEST, label: "[nats]" }, c);
  clipped(ctx, f, () => {
    area(ctx, f, [low, high], [truth + noise, truth + noise], truth - noise, c.muted, 0.2);
    line(ctx, f, [low, high], [truth, truth], c.ink, { width: 1 });
    if (kind !== "own") {
      line(ctx, f, curves.widths, curves.joint, c.joint, { width: 2 });
      line(ctx, f, curves.widths, curves.one, c.reference, { width: 2 });
      line(ctx, f, curves.widths, curves.rest, c.estimate, { width: 2.5, dash: [6, 3] });
      line(ctx, f, [race.present(), race.present()], [LOWEST, HIGHEST], c.muted, { dash: [2, 3], width: 1 });
    }
    ctx.fillStyle = c.estimate;
    ctx.globalAlpha = 0.5;
    for (const one of race.results) if (one.kind === kind) dot(ctx, f.x(one.width), f.y(one.last[3]), 2.5);
    ctx.globalAlpha = 1;
  });
  for (const one of race.results) if (one.kind === kind) beyond(ctx, f, one.width, one.last[3], c.estimate);
  key(ctx, box.left, 10, c, [["joint D(XY)", c.joint], ["marginal D(X), D(Y)", c.reference], ["difference; dots: estimates", c.estimate, [6, 3]]]);
  key(ctx, box.left + 140, 10, c, [["truth, noise", c.ink]]);
}

/** The training on one sample.
 * @param {Race} race @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawTraining(race, ctx, w, height, c) {
  const { truth, noise, run } = race;
  const box = { left: 50, top: 64, right: w - 18, bottom: height - 40 };
  const across = { low: 0, high: LIMIT, label: `iteration, sample ${race.seed - race.first + 1}` };
  const f = axes(ctx, box, across, { low: LOWEST, high: HIGHEST, label: "[nats]" }, c);
  const oracle = race.mixture.oracle(race.rival().sample);
  const count = run?.count ?? 0;
  clipped(ctx, f, () => {
    area(ctx, f, [0, LIMIT], [truth + noise, truth + noise], truth - noise, c.muted, 0.2);
    line(ctx, f, [0, LIMIT], [truth, truth], c.ink, { width: 1 });
    line(ctx, f, [0, LIMIT], [oracle, oracle], c.ink, { dash: [2, 3], width: 1 });
    const curve = (/** @type {number[][]} */ history, /** @type {number} */ k, /** @type {string} */ colour, /** @type {object} */ style) => {
      const shown = history.filter((_, j) => (j + 1) * EVERY <= count);
      line(ctx, f, shown.map((_, j) => (j + 1) * EVERY), shown.map((row) => row[k]), colour, style);
    };
    if (run) {
      curve(run.history, 0, c.joint, { dash: [4, 2] });
      curve(run.history, 1, c.reference, { dash: [4, 2] });
      curve(run.history, 2, c.reference, { dash: [2, 2] });
      curve(run.history, 3, c.estimate, { width: 2.4 });
    }
    curve(race.rival().history, 0, c.held, { width: 2 });
  });
  key(ctx, box.left, 10, c, [["MI-NEE, the difference", c.estimate], ["its joint bound", c.joint, [4, 2]], ["its marginal bounds", c.reference, [4, 2]]]);
  key(ctx, box.left + 180, 10, c, [["MINE", c.held], ["oracle", c.ink, [2, 3]]]);
}

/** All samples so far.
 * @param {Race} race @param {CanvasRenderingContext2D} ctx @param {number} w @param {number} height
 * @param {import("./figure.mjs").Colours} c */
function drawSamples(race, ctx, w, height, c) {
  const { truth, noise, terms, first } = race;
  const done = race.here();
  const box = { left: 84, top: 10, right: w - 12, bottom: height - 40 };
  const across = { low: LOWEST, high: HIGHEST, label: `estimates [nats], ${done.length} of ${SAMPLES} samples` };
  const f = axes(ctx, box, across, { low: 0, high: 5, ticks: [] }, c);
  clipped(ctx, f, () => {
    area(ctx, f, [truth - noise, truth + noise], [2, 2], 0, c.muted, 0.2);
    line(ctx, f, [truth, truth], [0, 2], c.ink, { width: 1 });
  });
  const rows = /** @type {const} */ ([["D(XY)", c.joint], ["D(X)", c.reference], ["D(Y)", c.reference], ["MI-NEE", c.estimate], ["MINE", c.held]]);
  const exact = terms ? [terms.joint, terms.x, terms.y, terms.joint - terms.x - terms.y, truth] : [];
  rows.forEach(([name, colour], k) => {
    const level = 4.5 - k;
    words(ctx, name, box.left - 8, f.y(level), c.ink, "right");
    clipped(ctx, f, () => {
      ctx.fillStyle = colour;
      ctx.globalAlpha = 0.3;
      if (exact.length) ctx.fillRect(f.x(0), f.y(level + 0.3), f.x(exact[k]) - f.x(0), f.y(level - 0.3) - f.y(level + 0.3));
      ctx.globalAlpha = 1;
    });
    for (const one of done) {
      const row = level + ((7 * (one.seed - first)) % SAMPLES) / SAMPLES / 2 - 0.25;
      const found = k === 4 ? race.trained(one.seed) : one.last[k];
      if (found < LOWEST || found > HIGHEST) beyond(ctx, f, found, row, colour);
      else dot(ctx, f.x(found), f.y(row), 3);
    }
  });
  words(ctx, "bars: population", box.right - 8, f.y(0.5), c.muted, "right");
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, memory?: import("./figure.mjs").Memory}} place */
function render({ model, el, memory }) {
  const stage = new Stage(el, "MI-NEE: three divergences from a reference that you choose", memory);
  const race = new Race(model);
  const track = new Track(race, stage, model);
  settings(track, race, stage, Boolean(model.send && model.get("own")));
  stage.canvas({
    shape: 0.85,
    describe: () => `The divergences in population against the width of the reference. ${track.sentence()}`,
    draw: (ctx, w, height, c) => drawIdentity(race, ctx, w, height, c),
  });
  stage.canvas({
    shape: 0.85,
    describe: () => `Estimates over ${race.run ? race.run.count : 0} iterations on one sample. ${track.sentence()}`,
    draw: (ctx, w, height, c) => drawTraining(race, ctx, w, height, c),
  });
  stage.canvas({
    shape: 0.36,
    least: 220,
    wide: true,
    describe: () => track.sentence(),
    draw: (ctx, w, height, c) => drawSamples(race, ctx, w, height, c),
  });
  track.begin(race.first);
  track.tell();
  return () => {
    track.destroy();
    stage.destroy();
  };
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} radius */
function dot(ctx, x, y, radius) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}

export default { render };
