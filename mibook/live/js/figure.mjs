// What every live figure shares: native controls, canvases with axes, colours, and work that stops when nobody looks.

/**
 * What a figure is given: the widget's state, here or in a kernel. Without a kernel there is no `send`.
 * @typedef {{get(name: string): any, set(name: string, value: any): void, save_changes(): void,
 *   on(name: string, act: (...args: any[]) => void): void, off(name: string, act: (...args: any[]) => void): void,
 *   send?(message: any): void}} Model
 */

/** @typedef {Record<"ink" | "muted" | "grid" | "joint" | "reference" | "estimate" | "held", string>} Colours */

/**
 * The data area of a plot in pixels, and where a value lies in it.
 * @typedef {{left: number, top: number, right: number, bottom: number,
 *   lowX: number, highX: number, lowY: number, highY: number,
 *   x(v: number): number, y(v: number): number}} Frame
 */

/** @typedef {{low: number, high: number, label?: string, ticks?: number[]}} Axis */

/** What the page keeps of a figure, by the name of a setting: in its address, and for the next chapter. A notebook has none.
 * @typedef {{read(name: string): string | null, write(name: string, value: string | null): void}} Memory */

const IN_SIGHT = 3; // sliders and lists; the others stand under More
const FONT = "12px system-ui, sans-serif";

/** Create an element with attributes and children.
 * @param {string} tag @param {Record<string, string>} [attributes] @param {...(Node | string)} children */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The controls, canvases and status line of one figure. */
export class Stage {
  /** @param {HTMLElement} el @param {string} name what a screen reader calls the figure @param {Memory} [memory] */
  constructor(el, name, memory) {
    this.controls = element("div", { class: "live-controls" });
    this.memory = memory;
    /** @type {{name: string, first: string, put: (text: string) => void}[]} */
    this.dials = [];
    this.labels = 0;
    this.said = "";
    /** @type {HTMLElement | null} */
    this.more = null;
    /** @type {import("./predict.mjs").Prediction | null} */
    this.prediction = null;
    this.plots = element("div", { class: "live-plots" });
    this.status = element("p", { class: "live-status", role: "status" });
    this.root = element("div", { class: "live", role: "group", "aria-label": name });
    this.root.append(this.controls, this.plots, this.status);
    el.append(this.root);
    /** @type {(() => void)[]} */
    this.drawings = [];
    /** @type {(() => void)[]} */
    this.undo = [];
    this.frame = 0;
    this.visible = true;
    /** @type {(() => boolean) | null} */
    this.work = null;
    /** @type {() => void} */
    this.compute = () => {};
    this.stale = false;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

    queueMicrotask(() => this.recall()); // when the figure has all its parts
    const seen = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      this.wake();
    });
    seen.observe(this.root);
    const sized = new ResizeObserver(() => this.redraw());
    sized.observe(this.plots);
    const dressed = new MutationObserver(() => this.redraw());
    const options = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class"] };
    for (const part of [document.documentElement, document.body]) dressed.observe(part, options);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const again = () => this.redraw();
    dark.addEventListener("change", again);
    this.undo.push(
      () => seen.disconnect(),
      () => sized.disconnect(),
      () => dressed.disconnect(),
      () => dark.removeEventListener("change", again),
    );
  }

  /** Say in the status line what the figure shows now. @param {string} text */
  say(text) {
    this.said = text;
    const said = this.covered ? "Covered until you reveal it." : text;
    if (this.status.textContent !== said) this.status.textContent = said;
  }

  /** Whether the reader is to predict what is known already. */
  get covered() {
    return this.prediction?.state === "asking";
  }

  /** How far a training has come, in numbers: for the eye; a screen reader asks for it. @param {number} done @param {number} of */
  progress(done, of) {
    if (!this.bar) {
      this.bar = /** @type {HTMLProgressElement} */ (element("progress", { "aria-label": "iterations" }));
      this.count = element("span");
      this.plots.before(element("p", { class: "live-progress" }, this.bar, this.count));
    }
    [this.bar.value, this.bar.max] = [done, of];
    /** @type {HTMLElement} */ (this.count).textContent = `${done} of ${of} iterations`;
  }

  /**
   * A setting that the page remembers; `put` takes it from text, and leaves alone what it cannot take.
   * @param {string} name @param {string} first @param {(text: string) => void} put
   */
  dial(name, first, put) {
    this.dials.push({ name, first, put });
  }

  /** @param {string} name @param {string | number} value */
  remember(name, value) {
    this.memory?.write(name, String(value));
  }

  /** Take the settings that the address holds. */
  recall() {
    for (const { name, first, put } of this.closed ? [] : this.dials) {
      const text = this.memory?.read(name) ?? null;
      if (text !== null && text !== first) put(text);
    }
  }

  /** The button that brings all back as it came; `act` does what no setting does. @param {() => void} [act] */
  resettable(act = () => {}) {
    this.button("Reset", () => {
      this.run(null);
      for (const { name, first, put } of this.dials) {
        put(first);
        this.memory?.write(name, null);
      }
      this.prediction?.clear();
      act();
      this.update();
    });
  }

  /** Put a labelled control in sight, or under More where there are enough. @param {HTMLElement} label */
  place(label) {
    if (this.labels++ < IN_SIGHT) return this.controls.append(label);
    if (!this.more) {
      this.more = element("div", { class: "live-controls" });
      this.controls.append(element("details", { class: "live-more" }, element("summary", {}, "More"), this.more));
    }
    this.more.append(label);
  }

  /**
   * A labelled slider, which the page remembers by its name; `show` turns its value into words for the eye and for a screen reader.
   * @param {{label: string, name: string, low: number, high: number, step: number, value: number,
   *   show?: (v: number) => string, act: (v: number) => void}} options
   */
  range({ label, name, low, high, step, value, show = String, act }) {
    const input = /** @type {HTMLInputElement} */ (element("input", { type: "range" }));
    const shown = element("output", { "aria-hidden": "true" });
    const control = {
      input,
      get value() {
        return Number(input.value);
      },
      /** @param {{low?: number, high?: number, step?: number, value: number, enabled?: boolean}} to */
      set(to) {
        input.min = String(to.low ?? input.min);
        input.max = String(to.high ?? input.max);
        input.step = String(to.step ?? input.step);
        input.value = String(to.value);
        input.disabled = to.enabled === false;
        control.tell();
      },
      /** @param {string} [text] in the place of the value, where the figure has left it */
      tell(text = show(Number(input.value))) {
        shown.textContent = text;
        input.setAttribute("aria-valuetext", text);
      },
    };
    control.set({ low, high, step, value });
    input.addEventListener("input", () => {
      control.tell();
      act(Number(input.value));
      this.remember(name, input.value);
    });
    this.dial(name, String(value), (text) => {
      const v = Number(text);
      if (text === "" || !(v >= Number(input.min) && v <= Number(input.max))) return;
      control.set({ value: v, enabled: !input.disabled });
      act(Number(input.value));
    });
    this.place(element("label", { class: "live-control" }, element("span", {}, label), input, shown));
    return control;
  }

  /**
   * A labelled list to choose one of.
   * @param {{label: string, name: string, options: [string, string][], value: string, act: (v: string) => void}} options
   */
  choice({ label, name, options, value, act }) {
    const select = /** @type {HTMLSelectElement} */ (element("select"));
    for (const [key, shown] of options) select.append(element("option", { value: key }, shown));
    select.value = value;
    select.addEventListener("change", () => {
      act(select.value);
      this.remember(name, select.value);
    });
    this.dial(name, value, (text) => {
      if (!options.some(([key]) => key === text)) return;
      select.value = text;
      act(text);
    });
    this.place(element("label", { class: "live-control" }, element("span", {}, label), select));
    return select;
  }

  /** @param {string} label @param {() => void} act */
  button(label, act) {
    const made = /** @type {HTMLButtonElement} */ (element("button", { type: "button" }, label));
    made.addEventListener("click", act);
    let row = this.controls.querySelector(".live-buttons");
    if (!row) {
      row = element("div", { class: "live-buttons" });
      this.controls.append(row);
    }
    row.append(made);
    return made;
  }

  /**
   * A canvas as wide as its place and `shape` times as high, `least` pixels at least; `describe` says what it shows.
   * @param {{shape: number, draw: (ctx: CanvasRenderingContext2D, width: number, height: number, c: Colours) => void,
   *   describe: () => string, wide?: boolean, least?: number}} options
   */
  canvas({ shape, draw, describe, wide = false, least = 0 }) {
    const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { role: "img" }));
    const place = element("div", { class: wide ? "live-plot live-wide" : "live-plot" }, canvas);
    this.plots.append(place);
    this.drawings.push(() => {
      const width = place.clientWidth;
      if (width < 20) return; // not laid out yet; the resize observer calls again
      const height = Math.max(least, Math.round(width * shape));
      const ratio = window.devicePixelRatio || 1;
      if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.height = `${height}px`;
      }
      const ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, width, height);
      draw(ctx, width, height, this.colours());
      canvas.setAttribute("aria-label", this.covered ? "A plot whose answer is covered until you reveal it." : describe());
    });
    return { canvas, place };
  }

  /** The style sheet's colours, which follow the theme. @returns {Colours} */
  colours() {
    const style = getComputedStyle(this.root);
    const names = /** @type {const} */ (["ink", "muted", "grid", "joint", "reference", "estimate", "held"]);
    const pairs = names.map((name) => [name, style.getPropertyValue(`--live-${name}`).trim()]);
    return /** @type {Colours} */ (Object.fromEntries(pairs));
  }

  /** Compute anew and draw, in the next frame, however often it is asked until then. */
  update() {
    this.stale = true;
    this.redraw();
  }

  /** Draw in the next frame. */
  redraw() {
    this.dirty = true;
    this.wake();
  }

  /**
   * Work frame by frame while the figure can be seen; `step` does a few milliseconds of it and says whether
   * there is more. @param {(() => boolean) | null} step
   */
  run(step) {
    this.work = step;
    this.wake();
  }

  wake() {
    if (this.frame || this.closed || !this.visible || !(this.dirty || this.work)) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      try {
        if (this.stale) this.compute();
        this.stale = false;
        if (!this.dirty && this.work && !this.work()) this.work = null;
        this.dirty = false;
        for (const draw of this.drawings) draw();
      } catch (error) {
        this.fail(error);
      }
      this.wake();
    });
  }

  /** Stop, and say why in the figure. @param {unknown} error */
  fail(error) {
    this.work = null;
    this.dirty = false;
    this.say(`This figure has stopped: ${error instanceof Error ? error.message : error}`);
  }

  /** Stop everything; the page or the notebook drops the figure. */
  destroy() {
    this.closed = true;
    this.work = null;
    cancelAnimationFrame(this.frame);
    for (const act of this.undo) act();
    this.root.remove();
  }
}

/** Round numbers that divide an axis. @param {number} low @param {number} high @param {number} count */
export function ticks(low, high, count) {
  const raw = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * unit).find((s) => s >= raw * 0.999) ?? raw;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(6)));
  return found;
}

/** A number with a true minus sign and no more digits than needed. @param {number} v @param {number} [digits] */
export function number(v, digits) {
  const text = digits === undefined ? String(Number(v.toPrecision(4))) : v.toFixed(digits);
  return text.replace("-", "−");
}

/**
 * Draw a grid, tick labels and axis labels; return where values lie.
 * @param {CanvasRenderingContext2D} ctx @param {{left: number, top: number, right: number, bottom: number}} box
 * @param {Axis} x @param {Axis} y @param {Colours} c @returns {Frame}
 */
export function axes(ctx, box, x, y, c) {
  /** @param {Axis} axis @param {number} from @param {number} to */
  const place = ({ low, high }, from, to) => /** @param {number} v */ (v) => from + ((v - low) / (high - low)) * (to - from);
  const ends = { lowX: x.low, highX: x.high, lowY: y.low, highY: y.high };
  const frame = { ...box, ...ends, x: place(x, box.left, box.right), y: place(y, box.bottom, box.top) };
  ctx.font = FONT;
  ctx.lineWidth = 1;
  ctx.strokeStyle = c.grid;
  ctx.fillStyle = c.muted;
  ctx.beginPath();
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  for (const v of x.ticks ?? ticks(x.low, x.high, Math.max(4, (box.right - box.left) / 70))) {
    ctx.moveTo(frame.x(v), box.top);
    ctx.lineTo(frame.x(v), box.bottom);
    ctx.fillText(number(v), frame.x(v), box.bottom + 4);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const v of y.ticks ?? ticks(y.low, y.high, Math.max(3, (box.bottom - box.top) / 45))) {
    ctx.moveTo(box.left, frame.y(v));
    ctx.lineTo(box.right, frame.y(v));
    ctx.fillText(number(v), box.left - 5, frame.y(v));
  }
  ctx.stroke();
  ctx.strokeStyle = c.muted;
  ctx.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.fillStyle = c.ink;
  if (x.label) {
    ctx.textAlign = "center";
    ctx.textBaseline = "bottom";
    ctx.fillText(x.label, (box.left + box.right) / 2, box.bottom + 34);
  }
  if (y.label) {
    ctx.save();
    ctx.translate(box.left - 40, (box.top + box.bottom) / 2);
    ctx.rotate(-Math.PI / 2);
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(y.label, 0, 0);
    ctx.restore();
  }
  return frame;
}

/** Mark at the edge a value that lies beyond the axis, by a triangle that points to it; nothing where it lies within.
 * @param {CanvasRenderingContext2D} ctx @param {Frame} f @param {number} x @param {number} y @param {string} colour */
export function beyond(ctx, f, x, y, colour) {
  const [across, down] = [f.x(x), f.y(y)];
  const turn = across > f.right ? 0 : across < f.left ? Math.PI : down > f.bottom ? Math.PI / 2 : down < f.top ? -Math.PI / 2 : null;
  if (turn === null) return;
  ctx.save();
  ctx.translate(Math.min(f.right, Math.max(f.left, across)), Math.min(f.bottom, Math.max(f.top, down)));
  ctx.rotate(turn);
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(0, 0);
  ctx.lineTo(-9, -5);
  ctx.lineTo(-9, 5);
  ctx.fill();
  ctx.restore();
}

/** Draw what follows inside the data area only. @param {CanvasRenderingContext2D} ctx @param {Frame} f @param {() => void} draw */
export function clipped(ctx, f, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(f.left, f.top, f.right - f.left, f.bottom - f.top);
  ctx.clip();
  draw();
  ctx.restore();
}

/**
 * A line through points.
 * @param {CanvasRenderingContext2D} ctx @param {Frame} f @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys
 * @param {string} colour @param {{width?: number, dash?: number[], length?: number}} [style]
 */
export function line(ctx, f, xs, ys, colour, { width = 1.6, dash = [], length = xs.length } = {}) {
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash);
  ctx.beginPath();
  for (let i = 0; i < length; i++) ctx.lineTo(f.x(xs[i]), f.y(ys[i]));
  ctx.stroke();
  ctx.restore();
}

/** Fill between a curve and a level. @param {CanvasRenderingContext2D} ctx @param {Frame} f
 * @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys @param {number} level @param {string} colour @param {number} [alpha] */
export function area(ctx, f, xs, ys, level, colour, alpha = 0.3) {
  ctx.save();
  ctx.fillStyle = colour;
  ctx.globalAlpha = alpha;
  ctx.beginPath();
  ctx.moveTo(f.x(xs[0]), f.y(level));
  for (let i = 0; i < xs.length; i++) ctx.lineTo(f.x(xs[i]), f.y(ys[i]));
  ctx.lineTo(f.x(xs[xs.length - 1]), f.y(level));
  ctx.fill();
  ctx.restore();
}

/** Words at a place. @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} x @param {number} y
 * @param {string} colour @param {CanvasTextAlign} [align] */
export function words(ctx, text, x, y, colour, align = "left") {
  ctx.font = FONT;
  ctx.fillStyle = colour;
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  ctx.fillText(text, x, y);
}

/** A key: lines of colour with their names, below one another. @param {CanvasRenderingContext2D} ctx
 * @param {number} x @param {number} y @param {Colours} c @param {[string, string, number[]?][]} rows */
export function key(ctx, x, y, c, rows) {
  rows.forEach(([name, colour, dash], i) => {
    ctx.save();
    ctx.strokeStyle = colour;
    ctx.lineWidth = 2;
    ctx.setLineDash(dash ?? []);
    ctx.beginPath();
    ctx.moveTo(x, y + 16 * i);
    ctx.lineTo(x + 18, y + 16 * i);
    ctx.stroke();
    ctx.restore();
    words(ctx, name, x + 24, y + 16 * i, c.ink);
  });
}

/** @type {HTMLCanvasElement | undefined} */
let scratch;

/**
 * Many dots at once, as pixels: ten thousand in a few milliseconds.
 * @param {CanvasRenderingContext2D} ctx @param {Frame} f @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys
 * @param {number} n @param {string} colour @param {number} alpha of one dot @param {number} [size] in pixels
 */
export function dots(ctx, f, xs, ys, n, colour, alpha, size = 2) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.ceil((f.right - f.left) * ratio), Math.ceil((f.bottom - f.top) * ratio)];
  scratch ??= document.createElement("canvas");
  if (scratch.width !== width || scratch.height !== height) [scratch.width, scratch.height] = [width, height];
  const pen = /** @type {CanvasRenderingContext2D} */ (scratch.getContext("2d", { willReadFrequently: true }));
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const opaque = ((blue << 16) | (green << 8) | red) >>> 0;
  // Opacity after k dots on one pixel.
  const shades = Uint32Array.from({ length: 32 }, (_, k) => (Math.round(255 * (1 - (1 - alpha) ** k)) << 24) | opaque);
  const hits = new Uint8Array(width * height);
  const wide = Math.max(1, Math.round(size * ratio));
  const [ax, bx] = [(f.x(1) - f.x(0)) * ratio, (f.x(0) - f.left) * ratio - wide / 2];
  const [ay, by] = [(f.y(1) - f.y(0)) * ratio, (f.y(0) - f.top) * ratio - wide / 2];
  for (let i = 0; i < n; i++) {
    const px = Math.round(ax * xs[i] + bx);
    const py = Math.round(ay * ys[i] + by);
    if (px < 0 || py < 0 || px + wide > width || py + wide > height) continue;
    for (let v = 0; v < wide; v++) {
      let at = (py + v) * width + px;
      for (let u = 0; u < wide; u++, at++) {
        if (hits[at] < 31) hits[at]++;
        pixels[at] = shades[hits[at]];
      }
    }
  }
  pen.putImageData(image, 0, 0);
  ctx.drawImage(scratch, f.left, f.top, width / ratio, height / ratio);
}
