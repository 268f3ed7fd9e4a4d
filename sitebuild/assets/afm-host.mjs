// Runs the live figures of a page without a kernel: reads the widget state that the build stored in the page,
// and gives each figure's module (an anywidget: `export default { render }`) a model and a place.
// A plain script itself, and no module: browsers load no module from a file, and so figures answer there too.

const stored = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]');
const assets = new URL(".", document.currentScript.src).href; // where the site's own files lie, this one among them
const states = stored ? JSON.parse(stored.textContent).state : {};

const parts = globalThis.liveParts ?? {}; // what the site's figures share, and the rest of each, by its module's name

/** The state of one widget, with its module's text and with binary values put back as DataViews. */
class Model extends EventTarget {
  constructor({ state, buffers = [] }) {
    super();
    this.state = state;
    if (state._esm in parts) state._esm = `${parts.common}\n${parts[state._esm]}`;
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      path.slice(0, -1).reduce((part, name) => part[name], state)[path.at(-1)] = new DataView(bytes.buffer);
    }
  }
  get = (name) => this.state[name];
  set(name, value) {
    this.state[name] = value;
    this.dispatchEvent(new Event(`change:${name}`));
  }
  save_changes() {}
  on = (name, act) => this.addEventListener(name, act);
  off = (name, act) => this.removeEventListener(name, act);
}

const SHARED = ["rho", "n", "seed"]; // what a reader takes along from chapter to chapter
const changes = new Map(); // of the address, not yet made
let making = 0;

/** What the address of the page says of one figure; the browser's session keeps what is shared. Both may be forbidden. */
class Memory {
  constructor(figure) {
    this.figure = figure;
  }
  read(name) {
    const told = new URL(location.href).searchParams.get(`${this.figure}.${name}`);
    return told ?? (SHARED.includes(name) ? attempt(() => sessionStorage.getItem(`live.${name}`)) : null);
  }
  write(name, value) {
    if (SHARED.includes(name))
      attempt(() => (value === null ? sessionStorage.removeItem(`live.${name}`) : sessionStorage.setItem(`live.${name}`, value)));
    changes.set(`${this.figure}.${name}`, value);
    clearTimeout(making); // a slider changes often, and browsers refuse an address that does
    making = setTimeout(() => attempt(() => readdress(this.figure)), 250);
  }
}

function attempt(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

/** Put the changes into the address, which then leads to the figure. */
function readdress(figure) {
  const address = new URL(location.href);
  for (const [name, value] of changes) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  changes.clear();
  address.hash = figure;
  history.replaceState(history.state, "", address);
}

async function mount(place, index) {
  const model = new Model(states[place.dataset.liveModel]);
  const style = document.createElement("style");
  style.textContent = model.get("_css") ?? parts.style;
  const address = URL.createObjectURL(new Blob([model.get("_esm")], { type: "text/javascript" }));
  const { default: figure } = await import(address).finally(() => URL.revokeObjectURL(address));
  const el = document.createElement("div");
  const memory = new Memory(place.closest("figure[id]")?.id ?? `live-${index + 1}`);
  place.append(style, el);
  try {
    const stop = await figure.render({ model, el, assets, memory });
    place.dataset.live = ""; // the style sheet now hides the picture
    addEventListener("pagehide", (event) => event.persisted || stop?.());
  } catch (error) {
    el.remove();
    throw error;
  }
}

function excuse(place, error) {
  const note = document.createElement("p");
  note.className = "live-note";
  note.setAttribute("role", "status");
  note.textContent = `This figure could not be brought to life (${error.message}); its picture stands above.`;
  place.append(note);
}

const places = [...document.querySelectorAll("[data-live-model]")];

/** Done when every figure of the page answers, or has said why it does not. */
globalThis.liveMounted = Promise.all(
  places.map((place, index) => mount(place, index).catch((error) => excuse(place, error))),
);
