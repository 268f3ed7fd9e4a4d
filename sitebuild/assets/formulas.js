// Sets the formulas of a page with MathJax, when its live figures answer: evaluating MathJax and setting a chapter
// take seconds, and a slider shall not wait for them. Formulas in sight come first, and a few at a time.
// `MathJax.startup.promise` is kept when all are set.
(() => {
  const SLICE = 50; // milliseconds
  const address = new URL("mathjax/tex-chtml.js", document.currentScript.src).href;

  /** The next frame is drawn, or 200 ms have passed: a page that nobody sees draws none. */
  function drawn() {
    return new Promise((done) => {
      requestAnimationFrame(() => setTimeout(done));
      setTimeout(done, 200);
    });
  }

  async function setFormulas() {
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

  async function start() {
    const early = document.createElement("link"); // fetched while the figures mount
    Object.assign(early, { rel: "preload", as: "script", href: address });
    document.head.append(early);
    const host = document.querySelector('script[src*="afm-host"]');
    // Where the host does not load, no figure is a reason to wait.
    while (host && !globalThis.liveMounted && document.readyState !== "complete") await drawn();
    await globalThis.liveMounted;
    await drawn();
    const script = document.createElement("script");
    script.src = address;
    document.head.append(script);
  }

  MathJax.startup = { pageReady: setFormulas };
  start();
  window.addEventListener("beforeprint", () => MathJax.typeset?.()); // what is not set yet
})();
