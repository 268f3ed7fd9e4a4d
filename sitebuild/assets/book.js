// Formulas are set when the live figures answer, those in sight first, and a few at a time: setting a chapter takes
// seconds, and a slider shall not wait for them. `MathJax.startup.promise` is kept when all are set.
const SLICE = 50; // milliseconds

/** The next frame is drawn, or 200 ms have passed: a page that nobody sees draws none. */
function drawn() {
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 200);
  });
}

async function setFormulas() {
  const host = document.querySelector('script[src*="afm-host"]');
  // Where the host does not load, no figure is a reason to wait.
  if (host) await import(host.src).then(({ mounted }) => mounted).then(drawn).catch(() => {});
  const inSight = (formula) => {
    const { top, bottom } = formula.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const formulas = [...document.querySelectorAll(".math")];
  const waiting = [...new Set([...formulas.filter(inSight), ...formulas])];
  for (let count = 10; waiting.length; ) {
    const start = performance.now();
    await MathJax.typesetPromise(waiting.splice(0, count));
    count = Math.max(5, Math.round((count * SLICE) / (performance.now() - start)));
    await new Promise((done) => setTimeout(done));
  }
  return MathJax.startup.defaultPageReady(); // what stands elsewhere, and MathJax's own finish
}
if (window.MathJax) MathJax.startup = { pageReady: setFormulas };

// Paper cannot be clicked: open everything folded before printing, and close it again afterwards.
let opened = [];
window.addEventListener("beforeprint", () => {
  window.MathJax?.typeset?.(); // what is not set yet
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((fold) => (fold.open = true));
});
window.addEventListener("afterprint", () => {
  opened.forEach((fold) => (fold.open = false));
  opened = [];
});
