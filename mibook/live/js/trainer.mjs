// Who trains: on the page the exported step, in a worker of the figure's own text; in a kernel, torch.
import { Training, epochsBetween } from "./training.mjs";

const RUNTIME = "onnxruntime/ort.wasm.min.mjs"; // below the site's assets

/** What the figure asks of a trainer, be it a worker or a kernel; both answer with an `Answer` and the heat map.
 * @typedef {{ask: "start" | "more", run: number, settings?: import("./training.mjs").Settings}} Question */
/** @typedef {{run: number, iteration?: number, estimate?: number, held?: number, gap?: number, error?: string}} Answer */

/** The trainer's side of the page: answer questions one after the other. */
export function serve() {
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
      else await training.epochs(epochsBetween(training.settings));
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

/** What trains for a figure: a kernel if there is one, else a worker of the module's own text. */
export class Trainer {
  /** @param {import("./figure.mjs").Model} model @param {string | undefined} assets
   * @param {(answer: Answer, view?: DataView) => void} answered @param {(text: string) => void} say */
  constructor(model, assets, answered, say) {
    this.model = model;
    this.assets = assets;
    this.answered = answered;
    this.say = say;
    /** @type {Worker | null} */
    this.worker = null;
    this.address = "";
    this.patience = 0;
    this.heard = (/** @type {Answer} */ answer, /** @type {DataView[]} */ [view]) => {
      clearTimeout(this.patience);
      answered(answer, view);
    };
    model.on("msg:custom", this.heard);
  }

  /** @param {Question} question @returns {void} */
  ask(question) {
    const { model } = this;
    if (model.send) {
      const quiet = "The kernel does not answer: is it running, and was this cell run in it?";
      this.patience = setTimeout(() => this.say(quiet), 10000);
      return model.send(question);
    }
    const { run } = question;
    if (location.protocol === "file:")
      return this.answered({ run, error: "A page that is opened as a file cannot train: run make serve, or open it in JupyterLab." });
    if (!model.get("step")?.byteLength)
      return this.answered({ run, error: "This page was built without the training step: build it with make book." });
    if (!this.worker) this.say("Loading what trains …");
    const [step, critic, layout] = ["step", "critic", "layout"].map(model.get);
    try {
      const given = question.ask === "start" ? { ...question, assets: this.assets, step, critic, layout } : question;
      (this.worker ?? this.engage(run)).postMessage(given);
    } catch (error) {
      this.answered({ run, error: `The browser could not start a worker (${error}).` });
    }
  }

  /** @param {number} run */
  engage(run) {
    const text = new Blob([this.model.get("_esm")], { type: "text/javascript" });
    this.address = URL.createObjectURL(text);
    const worker = new Worker(this.address, { type: "module" });
    worker.onmessage = ({ data: [answer, view] }) => this.answered(answer, view);
    worker.onerror = (event) => this.answered({ run, error: `The browser could not start a worker (${event.message}).` });
    return (this.worker = worker);
  }

  dismiss() {
    this.worker?.terminate();
    URL.revokeObjectURL(this.address); // or the browser keeps the text for as long as the page
    this.worker = null;
  }

  destroy() {
    this.model.off("msg:custom", this.heard);
    clearTimeout(this.patience);
    this.dismiss();
  }
}
