// MINE trains while one watches: on the page the exported step, in a worker of this same text; in a kernel, torch.
import { floats } from "./maths.mjs";
import { Stage, axes, clipped, key, line, number, words } from "./figure.mjs";
import { EDGE, SIDE, Training, draw, epochsBetween, information, landmarks } from "./training.mjs";

const SCALE = 5; // nats at which the colours of the heat maps are full
const RUNTIME = "onnxruntime/ort.wasm.min.mjs"; // below the site's assets

/** What the figure asks of a trainer, be it a worker or a kernel; both answer with an `Answer` and the heat map.
 * @typedef {{ask: "start" | "more", run: number, settings?: import("./training.mjs").Settings}} Question */
/** @typedef {{run: number, iteration?: number, estimate?: number, held?: number, gap?: number, error?: string}} Answer */

/** The trainer's side of the page: answer questions one after the other. */
function serve() {
  /** @type {any} */
  let graphs;
  /** @type {any} */
  let runtime;
  /** @type {Training} */
  let training;

  /** @param {any} message */
  async function answer({ ask, run, settings, assets, step, critic, layout }) {
    try {
      if (!graphs) {
        runtime = await import(new URL(RUNTIME, assets).href);
        runtime.env.wasm.numThreads = 1; // more would need headers that plain hosts do not send
        runtime.env.wasm.wasmPaths = new URL(".", new URL(RUNTIME, assets)).href;
        const [first, second] = [step, critic].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
        const create = (/** @type {Uint8Array} */ bytes) => runtime.InferenceSession.create(bytes);
        graphs = { step: await create(first), critic: await create(second) };
      }
    } catch (error) {
      const cause = error instanceof Error ? error.message : error;
      return postMessage([{ run, error: `What trains in the browser did not load (${cause}). Reload the page, or open it in JupyterLab.` }]);
    }
    try {
      if (ask === "start") training = new Training(runtime, graphs, layout, settings);
      else for (let k = epochsBetween(training.settings); k > 0; k--) await training.epoch();
      const { heat, ...look } = await training.look();
      postMessage([{ run, ...look }, new DataView(heat.buffer)], { transfer: [heat.buffer] });
    } catch (error) {
      postMessage([{ run, error: error instanceof Error ? error.message : String(error) }]);
    }
  }

  let queue = Promise.resolve();
  addEventListener("message", ({ data }) => {
    queue = queue.then(() => answer(data));
  });
}

/** Colour a grid of values: the data's colour where positive, the reference's where negative.
 * @param {CanvasRenderingContext2D} ctx @param {import("./figure.mjs").Frame} f @param {ArrayLike<number>} values
 * @param {import("./figure.mjs").Colours} c */
function tiles(ctx, f, values, c) {
  const small = document.createElement("canvas");
  [small.width, small.height] = [SIDE, SIDE];
  const pen = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d"));
  for (let i = 0; i < values.length; i++) {
    pen.fillStyle = values[i] > 0 ? c.joint : c.reference;
    pen.globalAlpha = Math.min(1, Math.abs(values[i]) / SCALE);
    pen.fillRect(i % SIDE, SIDE - 1 - Math.floor(i / SIDE), 1, 1);
  }
  ctx.save();
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, f.left, f.top, f.right - f.left, f.bottom - f.top);
  ctx.restore();
}

/** @param {{model: import("./figure.mjs").Model, el: HTMLElement, assets?: string}} place */
function render({ model, el, assets }) {
  const stage = new Stage(el, "MINE: a critic trains");
  /** @type {import("./training.mjs").Settings} */
  const settings = { rho: 0, n: 0, b: 0, beta: 0, lr: 0, start: "", seed: 0 };
  for (const name of /** @type {("rho")[]} */ (Object.keys(settings))) settings[name] = model.get(name);
  let iterations = model.get("iterations");

  // What is shown: the run of the build, until the reader trains.
  const told = floats(model.get("history"));
  /** @type {{iteration: number, estimate: number, held: number}[]} */
  let looks = Array.from({ length: told.length / 3 }, (_, k) => ({ iteration: told[3 * k], estimate: told[3 * k + 1], held: told[3 * k + 2] }));
  let heat = floats(model.get("heat"));
  let gap = model.get("gap");
  let own = false; // trained here
  let shown = { looks, heat };
  let marks = { truth: 0, noise: 0, oracle: 0 };
  const ratio = new Float64Array(SIDE * SIDE);
  const at = (/** @type {number} */ i) => -EDGE + (2 * EDGE * i) / (SIDE - 1);
  const survey = () => {
    marks = landmarks(settings.rho, draw(settings).data);
    ratio.forEach((_, i) => (ratio[i] = information(settings.rho, at(i % SIDE), at(Math.floor(i / SIDE)))));
  };

  // --- the trainer: a kernel if there is one, else a worker
  /** @type {Worker | null} */
  let worker = null;
  let address = "";
  let [run, begun, waiting, playing, stepping] = [0, false, false, false, false];
  let patience = 0;
  function engage() {
    const text = new Blob([model.get("_esm")], { type: "text/javascript" });
    address = URL.createObjectURL(text);
    worker = new Worker(address, { type: "module" });
    worker.onmessage = ({ data: [answer, view] }) => answered(answer, [view]);
    worker.onerror = (event) => answered({ run, error: `The browser could not start a worker (${event.message}).` }, []);
    return worker;
  }
  function dismiss() {
    worker?.terminate();
    URL.revokeObjectURL(address); // or the browser keeps the text for as long as the page
    worker = null;
    begun = false;
  }
  /** @returns {void} */
  function ask() {
    /** @type {Question} */
    const question = begun ? { ask: "more", run } : { ask: "start", run, settings };
    waiting = true;
    if (model.send) {
      patience = setTimeout(() => stage.say("The kernel does not answer: is it running, and was this cell run in it?"), 10000);
      model.send(question);
    } else if (!model.get("step")?.byteLength) {
      return answered({ run, error: "This page was built without the training step: build it with make book." }, []);
    } else {
      if (!worker) stage.say("Loading what trains …");
      const [step, critic, layout] = ["step", "critic", "layout"].map(model.get);
      try {
        (worker ?? engage()).postMessage(begun ? question : { ...question, assets, step, critic, layout });
      } catch (error) {
        return answered({ run, error: `The browser could not start a worker (${error}).` }, []);
      }
    }
    begun = true;
  }
  /** @param {Answer} answer @param {(DataView | undefined)[]} buffers @returns {void} */
  function answered({ run: of, error, iteration = 0, estimate = 0, held = 0, gap: found = 0 }, [view]) {
    clearTimeout(patience);
    waiting = false;
    if (of !== run) {
      if (playing || stepping) ask(); // the settings have changed since: one question at a time, so none pile up
      return;
    }
    if (error) {
      pause();
      dismiss();
      const hint = "Complete your code, run its cell and then this one, and press Train.";
      return stage.say(model.send ? `Your own code stopped with ${error} ${hint}` : error);
    }
    looks.push({ iteration, estimate, held });
    [heat, gap] = [floats(view), found];
    if (stepping && iteration === 0) return ask();
    if (stepping || iteration >= iterations) pause();
    if (!(playing && stage.calm)) shown = { looks: looks.slice(), heat };
    if (!playing) tell();
    else {
      stage.say(model.send ? "Training in the kernel, with your own code …" : "Training in this browser …");
      if (stage.visible && !document.hidden) ask();
      else resume();
    }
    stage.redraw();
  }
  /** @param {Answer} answer @param {DataView[]} buffers */
  const heard = (answer, buffers) => answered(answer, buffers);
  model.on("msg:custom", heard);

  function clear() {
    run++;
    [begun, own] = [false, true];
    [looks, heat, gap] = [[], new Float64Array(0), 0];
    shown = { looks: [], heat };
    survey();
  }
  function pause() {
    [playing, stepping] = [false, false];
    toggle.textContent = "Train";
    stage.run(null);
    shown = { looks: looks.slice(), heat };
    stage.redraw();
  }
  const finished = () => looks.length > 0 && looks[looks.length - 1].iteration >= iterations;
  function play() {
    if (!own || finished()) clear();
    playing = true;
    toggle.textContent = "Pause";
    if (!waiting) ask();
  }
  /** Ask for more once somebody looks: each answer asks for the next, as long as the figure can be seen. */
  function resume() {
    stage.run(() => {
      if (playing && !waiting) ask();
      return false;
    });
  }
  /** Start afresh with other settings, and go on training if that is what it did. @param {Partial<typeof settings>} changed */
  function change(changed) {
    Object.assign(settings, changed);
    clear();
    if (!playing) tell();
    else if (!waiting) ask();
    stage.redraw();
  }

  // --- the controls
  stage.range({
    label: "Correlation ρ",
    low: 0,
    high: 0.98,
    step: 0.01,
    value: settings.rho,
    show: (v) => number(v, 2),
    act: (rho) => change({ rho }),
  });
  stage.range({
    label: "β, weight of the past",
    low: 0,
    high: 0.99,
    step: 0.01,
    value: settings.beta,
    show: (v) => number(v, 2),
    act: (beta) => change({ beta }),
  });
  /** @param {string} label @param {"n" | "b" | "lr"} name @param {[number, string][]} options */
  const pick = (label, name, options) =>
    stage.choice({
      label,
      options: options.map(([value, text]) => [String(value), text]),
      value: String(settings[name]),
      act: (value) => change({ [name]: Number(value) }),
    });
  pick("Training pairs n", "n", [200, 400, 1000, 2000].map((n) => [n, `n = ${n}`]));
  pick("Batch size b", "b", [50, 100, 200].map((b) => [b, `b = ${b}`]));
  pick("Learning rate", "lr", [[3e-4, "0.0003"], [1e-3, "0.001"], [3e-3, "0.003"], [1e-2, "0.01"]]);
  stage.choice({
    label: "Initial weights",
    options: [["0.02", "normal, σ = 0.02"], ["0.1", "normal, σ = 0.1"], ["he", "He"]],
    value: settings.start,
    act: (start) => change({ start }),
  });
  stage.choice({
    label: "Stop after",
    options: [300, 1000, 3000].map((k) => [String(k), `${k} iterations`]),
    value: String(iterations),
    act: (value) => {
      iterations = Number(value);
      if (!own || finished()) clear();
      if (!playing) tell();
      else if (!waiting) ask();
      stage.redraw();
    },
  });
  stage.range({ label: "Seed", low: 0, high: 20, step: 1, value: settings.seed, act: (seed) => change({ seed }) });
  const toggle = stage.button("Train", () => {
    if (!playing) return play();
    pause();
    tell();
  });
  stage.button("Step", () => {
    if (!own || finished()) clear();
    pause();
    stepping = true;
    if (!waiting) ask();
  });
  stage.button("Reset", () => {
    pause();
    clear();
    tell();
    stage.redraw();
  });

  function sentence() {
    const { truth, oracle } = marks;
    const goals = `The truth is ${number(truth, 3)}, the oracle of these pairs ${number(oracle, 3)}.`;
    if (!looks.length) return `Nothing trained yet. ${goals}`;
    const last = looks[looks.length - 1];
    return (
      `${last.iteration} iterations${own ? "" : ", run when the page was built; press Train for your own"}. ` +
      `Estimate ${number(last.estimate, 3)} nats, on held-out pairs ${number(last.held, 3)}. ${goals} ` +
      `Over the pairs, t is ${number(gap, 2)} nats from the true log ratio (root mean square).`
    );
  }
  const tell = () => stage.say(sentence());

  stage.canvas({
    shape: 0.42,
    least: 230,
    wide: true,
    describe: () => `Two estimates against the iteration, with the truth, its noise band and the oracle. ${sentence()}`,
    draw: (ctx, width, height, c) => {
      const { truth, noise, oracle } = marks;
      const box = { left: 54, top: 62, right: width - 14, bottom: height - 40 };
      let [low, high] = [-0.05, Math.max(truth + 4 * noise, 0.2)];
      for (const { estimate, held } of shown.looks)
        [low, high] = [Math.min(low, estimate, Math.max(held, -1)), Math.max(high, estimate, held)];
      const y = { low: low * 1.05, high: high * 1.05, label: "estimate [nats]" };
      const f = axes(ctx, box, { low: 0, high: iterations, label: "iteration" }, y, c);
      const xs = shown.looks.map(({ iteration }) => iteration);
      clipped(ctx, f, () => {
        ctx.globalAlpha = 0.25;
        ctx.fillStyle = c.muted;
        ctx.fillRect(f.left, f.y(truth + noise), f.right - f.left, f.y(truth - noise) - f.y(truth + noise));
        ctx.globalAlpha = 1;
        line(ctx, f, [0, iterations], [truth, truth], c.ink, { width: 1.2 });
        line(ctx, f, [0, iterations], [oracle, oracle], c.ink, { width: 1.2, dash: [2, 3] });
        line(ctx, f, xs, shown.looks.map(({ held }) => held), c.held);
        line(ctx, f, xs, shown.looks.map(({ estimate }) => estimate), c.estimate);
      });
      key(ctx, box.left, 12, c, [
        ["training pairs", c.estimate],
        ["held-out pairs", c.held],
      ]);
      key(ctx, box.left + 140, 12, c, [
        [`truth ${number(truth, 3)}`, c.ink],
        [`oracle ${number(oracle, 3)}`, c.ink, [2, 3]],
      ]);
      words(ctx, `grey: noise ±${number(noise, 3)}`, box.left + 24, 44, c.muted);
    },
  });

  stage.canvas({
    shape: 0.56,
    least: 230,
    wide: true,
    describe: () =>
      `Two heat maps of x and y from ${number(-EDGE)} to ${EDGE}: the critic t less its constant, and the true log ratio. ` +
      (looks.length ? `They differ by ${number(gap, 2)} nats over the pairs, root mean square.` : "There is no critic yet."),
    draw: (ctx, width, height, c) => {
      const [top, gutter] = [24, 54];
      const side = Math.min((width - 2 * gutter - 10) / 2, height - top - 70);
      const axis = { low: -EDGE, high: EDGE };
      const maps = /** @type {[string, ArrayLike<number>][]} */ ([["critic t less its constant", shown.heat], ["true log ratio", ratio]]);
      maps.forEach(([name, values], k) => {
        const left = gutter + k * (side + gutter);
        const box = { left, top, right: left + side, bottom: top + side };
        const f = axes(ctx, box, { ...axis, label: "x" }, { ...axis, label: "y" }, c);
        tiles(ctx, f, values, c);
        words(ctx, name, left + side / 2, 12, c.ink, "center");
        if (!values.length) words(ctx, "not trained yet", left + side / 2, top + side / 2, c.muted, "center");
      });
      const [low, high, bar] = [gutter + 56, gutter + 176, top + side + 54];
      for (let x = low; x < high; x++) {
        const v = (2 * (x - low)) / (high - low) - 1;
        ctx.globalAlpha = Math.abs(v);
        ctx.fillStyle = v > 0 ? c.joint : c.reference;
        ctx.fillRect(x, bar - 6, 1, 12);
      }
      ctx.globalAlpha = 1;
      words(ctx, `≤ ${number(-SCALE)}`, low - 6, bar, c.ink, "right");
      words(ctx, `≥ ${SCALE} nats`, high + 6, bar, c.ink);
    },
  });

  survey();
  tell();
  stage.redraw();
  return () => {
    model.off("msg:custom", heard);
    clearTimeout(patience);
    dismiss();
    stage.destroy();
  };
}

if ("DedicatedWorkerGlobalScope" in globalThis) serve();

export default { render };
