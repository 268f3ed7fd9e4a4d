// Predict, then reveal: the reader marks what will come, on a slider or in the plot, and the figure says how far off that was.
import { element, line, number, words } from "./figure.mjs";

/**
 * `answer` is what comes, or null as long as nobody knows; then `begin` is asked to find it. `axis` is the one that the
 * mark lies on; with a `middle` the marks lie on both sides of it, the value away.
 * @typedef {{question: string, low: number, high: number, step: number, digits: number, axis: "x" | "y", unit?: string,
 *   middle?: () => number, answer: () => number | null, begin?: () => void}} Question
 */

export class Prediction {
  /** @param {import("./figure.mjs").Stage} stage @param {Question} question */
  constructor(stage, question) {
    this.stage = stage;
    this.question = question;
    /** @type {"idle" | "asking" | "waiting" | "told"} */
    this.state = "idle";
    const { low, high, step } = question;
    this.value = low + Math.round((high - low) / 2 / step) * step;
    /** @type {import("./figure.mjs").Frame | null} */
    this.frame = null;
    this.input = /** @type {HTMLInputElement} */ (
      element("input", { type: "range", min: String(low), max: String(high), step: String(step), value: String(this.value) })
    );
    this.shown = element("output", { "aria-hidden": "true" });
    this.dial = element("label", { class: "live-control" }, element("span", {}, question.question), this.input, this.shown);
    this.button = /** @type {HTMLButtonElement} */ (element("button", { type: "button" }, "Predict first"));
    this.verdict = element("p", { class: "live-verdict", role: "status" });
    this.root = element("div", { class: "live-predict" }, this.dial, this.button, this.verdict);
    this.dial.hidden = true;
    this.input.addEventListener("input", () => this.mark(Number(this.input.value)));
    this.button.addEventListener("click", () => (this.state === "asking" ? this.reveal() : this.ask()));
    for (const kind of ["input", "change", "click"]) stage.root.addEventListener(kind, (event) => this.outdated(event));
    stage.controls.after(this.root);
    stage.prediction = this;
  }

  /** What was said is no longer about what is shown when the reader turns to another control. @param {Event} event */
  outdated({ type, target }) {
    const elsewhere = target instanceof Element && !this.root.contains(target);
    const acts = type === "click" ? "button" : "input, select";
    if (elsewhere && target.matches(acts) && (this.state === "told" || this.state === "waiting")) this.clear();
  }

  /** With its unit. @param {number} v */
  told(v) {
    return `${number(v, this.question.digits)}${this.question.unit ?? " nats"}`;
  }

  /** @param {number} value */
  mark(value) {
    this.value = value;
    this.input.value = String(value);
    this.shown.textContent = this.told(value);
    this.input.setAttribute("aria-valuetext", this.told(value));
    this.stage.redraw();
  }

  /** Cover what is known and let the reader mark. */
  ask() {
    this.state = "asking";
    this.dial.hidden = false;
    this.button.textContent = "Reveal";
    this.verdict.textContent = "Move the slider, or press in the plot; then reveal.";
    this.stage.root.classList.add("live-asking");
    this.stage.say(this.stage.said);
    this.stage.update();
    this.mark(this.value);
    this.input.focus();
  }

  reveal() {
    this.state = "waiting";
    this.stage.root.classList.remove("live-asking");
    this.dial.hidden = true;
    this.button.textContent = "Predict again";
    this.verdict.textContent = `You said ${this.told(this.value)}; the answer is on its way.`;
    this.stage.say(this.stage.said);
    this.stage.update();
    if (this.question.answer() === null) this.question.begin?.();
    this.settle();
  }

  /** Say how far off the mark was, once the answer is there. */
  settle() {
    const found = this.state === "waiting" ? this.question.answer() : null;
    if (found === null) return;
    this.state = "told";
    const off = this.value - found;
    const close = Math.abs(off) < this.question.step ? "as close as the slider comes" : `${this.told(Math.abs(off))} too ${off > 0 ? "high" : "low"}`;
    this.verdict.textContent = `You said ${this.told(this.value)}; it is ${this.told(found)}: ${close}.`;
    this.stage.redraw();
  }

  /** Forget the mark: the figure shows something else now. */
  clear() {
    this.state = "idle";
    this.dial.hidden = true;
    this.button.textContent = "Predict first";
    this.verdict.textContent = "";
    this.stage.say(this.stage.said);
    this.stage.root.classList.remove("live-asking");
  }

  /** Draw the mark. @param {CanvasRenderingContext2D} ctx @param {import("./figure.mjs").Frame} f @param {import("./figure.mjs").Colours} c */
  draw(ctx, f, c) {
    this.frame = f;
    if (this.state === "idle") return;
    const { axis, middle } = this.question;
    const places = middle ? [middle() - this.value, middle() + this.value] : [this.value];
    for (const v of places) {
      if (axis === "x") line(ctx, f, [v, v], [f.lowY, f.highY], c.held, { width: 2.5, dash: [8, 4] });
      else line(ctx, f, [f.lowX, f.highX], [v, v], c.held, { width: 2.5, dash: [8, 4] });
    }
    const v = places[places.length - 1];
    if (axis === "x") words(ctx, "you", f.x(v) + 4, f.bottom - 10, c.held);
    else words(ctx, "you", f.left + 6, f.y(v) - 9, c.held);
  }

  /** Let a press in the plot move the mark. @param {HTMLCanvasElement} canvas */
  listen(canvas) {
    canvas.classList.add("live-marked");
    const moved = (/** @type {PointerEvent} */ event) => {
      if (this.state !== "asking" || !this.frame || !(event.buttons & 1)) return;
      const box = canvas.getBoundingClientRect();
      const { axis, middle, low, high, step } = this.question;
      const f = this.frame;
      const share = axis === "x" ? (event.clientX - box.left - f.left) / (f.right - f.left) : (f.bottom - event.clientY + box.top) / (f.bottom - f.top);
      const [from, to] = axis === "x" ? [f.lowX, f.highX] : [f.lowY, f.highY];
      const place = from + share * (to - from);
      const value = middle ? Math.abs(place - middle()) : place;
      this.mark(Number((Math.round(Math.min(high, Math.max(low, value)) / step) * step).toPrecision(6)));
    };
    canvas.addEventListener("pointerdown", moved);
    canvas.addEventListener("pointermove", moved);
  }
}
