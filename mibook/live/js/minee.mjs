// Three divergences and their difference: exact for every width of the reference, and estimated while you watch.
import { Stream, floats } from "./maths.mjs";
import { EVERY, LIMIT, Mixture, OneCritic, POOL, ThreeCritics, poolNoise, scatter } from "./mixture.mjs";
import { Stage, area, axes, clipped, key, line, number, words } from "./figure.mjs";

const SPAN = { gaussian: { low: 0.5, high: 4 }, box: { low: 1, high: 6 } };
const [SAMPLES, WORK] = [20, 8]; // samples that play goes through, milliseconds a frame
const [LOWEST, HIGHEST] = [-0.2, 2.6]; // of the axes, in nats

/** A finished training of MI-NEE. @typedef {{kind: string, width: number, seed: number, last: number[]}} Result */

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement}} place */
function render({ model, el }) {
  const stage = new Stage(el, "MI-NEE: three divergences from a reference that you choose");
  const n = model.get("n");
  const mixture = new Mixture(model.get("rho"));
  const { truth } = mixture;
  const noise = Math.sqrt(mixture.variance / n);
  const first = model.get("seed");
  const own = model.send && model.get("own");
  const width = { gaussian: 2, box: 3.2, [model.get("reference")]: model.get("width") };
  let kind = /** @type {"gaussian" | "box" | "own"} */ (model.get("reference"));
  let seed = first;
  let fault = "";
  let patience = 0;

  /** @type {import("./mixture.mjs").Terms | null} */
  let terms = null; // of an own reference nobody knows them
  /** @type {{widths: number[], joint: number[], one: number[], rest: number[]}} */
  let curves = { widths: [], joint: [], one: [], rest: [] };
  /** @type {ThreeCritics | null} */
  let run = null;
  /** @type {Map<number, OneCritic>} */
  const mine = new Map(); // by seed: MINE knows no reference, so a sample is trained on once
  /** @type {Result[]} */
  let results = [];

  const present = () => (kind === "own" ? 1 : width[kind]);
  const here = () => results.filter((one) => one.kind === kind && one.width === present());
  const rival = () => /** @type {OneCritic} */ (mine.get(seed));

  function trace() {
    if (kind === "own") return;
    const { low, high } = SPAN[kind];
    const widths = Array.from({ length: 51 }, (_, k) => Math.round((low + ((high - low) * k) / 50) * 20) / 20);
    const all = widths.map((one) => mixture.terms({ kind: /** @type {"gaussian" | "box"} */ (kind), width: one }));
    curves = { widths, joint: all.map((t) => t.joint), one: all.map((t) => t.x), rest: all.map((t) => t.joint - t.x - t.y) };
  }

  /** Start on the sample of this seed; an own reference comes from the kernel first. @param {number} next */
  function begin(next) {
    seed = next;
    const sample = mixture.sample(n, new Stream(seed));
    if (!mine.has(seed)) mine.set(seed, new OneCritic(sample, new Stream(seed + 2000003)));
    run = null;
    fault = "";
    clearTimeout(patience);
    terms = kind === "own" ? null : mixture.terms({ kind, width: width[kind] });
    if (kind !== "own") run = new ThreeCritics(sample, { kind, width: width[kind] }, new Stream(seed + 1000003));
    else if (model.send) {
      model.send({ ask: "reference", seed });
      patience = setTimeout(() => stage.say("The kernel does not answer: is it running, and was this cell run in it?"), 5000);
    }
    stage.redraw();
  }
  /** @param {{error?: string, seed: number}} reply @param {DataView[]} buffers */
  function answered(reply, buffers) {
    if (kind !== "own" || reply.seed !== seed) return; // the reader has gone on
    clearTimeout(patience);
    fault = reply.error ?? "";
    if (fault) pause();
    else run = new ThreeCritics(mixture.sample(n, new Stream(seed)), buffers.map(floats), new Stream(seed + 1000003));
    tell();
    stage.redraw();
  }
  model.on("msg:custom", answered);

  /** One iteration of both trainings; false when all samples are done. */
  function iterate() {
    if (!run) return true; // waiting for the kernel
    if (run.count < LIMIT) {
      run.step();
      if (rival().count < run.count) rival().step();
      if (run.count === LIMIT && here().length <= seed - first) results.push({ kind, width: present(), seed, last: run.last });
    } else if (seed + 1 < first + SAMPLES) begin(seed + 1);
    else return false;
    return true;
  }

  // --- the controls
  /** @type {[string, string][]} */
  const options = [["gaussian", "Gaussian, N(0, s²) each"], ["box", "box, uniform on (−h, h) each"]];
  if (own) options.push(["own", "your own function"]);
  stage.choice({
    label: "Reference",
    options,
    value: kind,
    act: (value) => {
      kind = /** @type {"gaussian" | "box" | "own"} */ (value);
      if (kind === "own") slider.set({ value: 1, enabled: false });
      else slider.set({ ...SPAN[kind], value: width[kind], enabled: true });
      trace();
      restart();
    },
  });
  const slider = stage.range({
    label: "Width of the reference",
    low: 0.5,
    high: 4,
    step: 0.05,
    value: 1,
    show: (v) => (kind === "own" ? "as you draw it" : `${kind === "box" ? "h" : "s"} = ${number(v, 2)}`),
    act: (value) => {
      if (kind !== "own") width[kind] = value;
      restart();
    },
  });
  if (kind !== "own") slider.set({ ...SPAN[kind], value: width[kind] });
  const toggle = stage.button("Play", () => (stage.work ? pause() : play()));
  stage.button("Step", () => {
    pause();
    iterate();
    tell();
    stage.redraw();
  });
  stage.button("Reset", () => {
    pause();
    results = [];
    restart();
  });

  /** Go on with the first sample that this reference has not had. */
  function restart() {
    begin(first + Math.min(here().length, SAMPLES - 1));
    tell();
  }
  function pause() {
    stage.run(null);
    toggle.textContent = "Play";
    tell();
  }
  function play() {
    toggle.textContent = "Pause";
    stage.say("Training …");
    stage.run(() => {
      const end = performance.now() + WORK;
      while (performance.now() < end) if (!iterate()) return pause(), false;
      return true;
    });
  }

  function sentence() {
    if (fault) return `Your function stopped with ${fault}`;
    if (!run) return "Waiting for the kernel …";
    const done = here();
    let text = "";
    if (terms) {
      const { joint, x, y, moment } = terms;
      const given = kind === "box" ? "Given that the pair stays in the box, in population: " : "In population: ";
      text += `${given}${number(joint, 3)} − ${number(x, 3)} − ${number(y, 3)} = ${number(joint - x - y, 3)} nats; `;
      const share = poolNoise(moment);
      text += `at the best critic the average over ${POOL} reference points scatters by ${share < Infinity ? `${number(100 * share, 1)} %` : "∞"}. `;
    }
    if (done.length > 1) {
      const [ours, theirs] = [scatter(done.map(({ last }) => last[3])), scatter(done.map((one) => trained(one.seed)))];
      text += `On ${done.length} samples: MI-NEE ${number(ours.mean, 3)} ± ${number(ours.sd, 3)}, MINE ${number(theirs.mean, 3)} ± ${number(theirs.sd, 3)}.`;
    } else text += `${run.count} iterations on sample ${seed - first + 1}.`;
    return text;
  }
  const tell = () => stage.say(sentence());
  /** @param {number} one */
  const trained = (one) => /** @type {OneCritic} */ (mine.get(one)).last[0];

  // --- the identity: the three terms and their difference against the width
  stage.canvas({
    shape: 0.85,
    describe: () => `The divergences in population against the width of the reference. ${sentence()}`,
    draw: (ctx, w, height, c) => {
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
          line(ctx, f, [present(), present()], [LOWEST, HIGHEST], c.muted, { dash: [2, 3], width: 1 });
        }
        ctx.fillStyle = c.estimate;
        ctx.globalAlpha = 0.5;
        for (const one of results) if (one.kind === kind) dot(ctx, f.x(one.width), f.y(one.last[3]), 2.5);
        ctx.globalAlpha = 1;
      });
      key(ctx, box.left, 10, c, [["joint D(XY)", c.joint], ["marginal D(X), D(Y)", c.reference], ["difference; dots: estimates", c.estimate, [6, 3]]]);
      key(ctx, box.left + 140, 10, c, [["truth, noise", c.ink]]);
    },
  });

  // --- the training on one sample
  stage.canvas({
    shape: 0.85,
    describe: () => `Estimates over ${run ? run.count : 0} iterations on one sample. ${sentence()}`,
    draw: (ctx, w, height, c) => {
      const box = { left: 50, top: 64, right: w - 18, bottom: height - 40 };
      const f = axes(ctx, box, { low: 0, high: LIMIT, label: `iteration, sample ${seed - first + 1}` }, { low: LOWEST, high: HIGHEST, label: "[nats]" }, c);
      const oracle = mixture.oracle(rival().sample);
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
        curve(rival().history, 0, c.held, { width: 2 });
      });
      key(ctx, box.left, 10, c, [["MI-NEE, the difference", c.estimate], ["its joint bound", c.joint, [4, 2]], ["its marginal bounds", c.reference, [4, 2]]]);
      key(ctx, box.left + 180, 10, c, [["MINE", c.held], ["oracle", c.ink, [2, 3]]]);
    },
  });

  // --- all samples so far
  stage.canvas({
    shape: 0.36,
    least: 220,
    wide: true,
    describe: sentence,
    draw: (ctx, w, height, c) => {
      const done = here();
      const box = { left: 84, top: 10, right: w - 12, bottom: height - 40 };
      const f = axes(ctx, box, { low: LOWEST, high: HIGHEST, label: `estimates [nats], ${done.length} of ${SAMPLES} samples` }, { low: 0, high: 5, ticks: [] }, c);
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
          const value = Math.min(HIGHEST, Math.max(LOWEST, k === 4 ? trained(one.seed) : one.last[k])); // on the edge if beyond
          dot(ctx, f.x(value), f.y(level + ((7 * (one.seed - first)) % SAMPLES) / SAMPLES / 2 - 0.25), 3);
        }
      });
      words(ctx, "bars: population", box.right - 8, f.y(0.5), c.muted, "right");
    },
  });
  trace();
  begin(first);
  tell();
  return () => {
    model.off("msg:custom", answered);
    clearTimeout(patience);
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
