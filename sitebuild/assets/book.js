// Paper cannot be clicked: open everything folded before printing, and close it again afterwards.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((fold) => (fold.open = true));
});
window.addEventListener("afterprint", () => {
  opened.forEach((fold) => (fold.open = false));
  opened = [];
});

// Who copies a formula gets its TeX, alone or in the text around it.
document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0);
  const whole = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(".katex");
  const [first, last] = [whole(range.startContainer), whole(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const copied = range.cloneContents();
  const formulas = copied.querySelectorAll(".katex");
  if (!formulas.length) return;
  for (const formula of formulas) {
    const sign = formula.closest(".katex-display") ? "$$" : "$";
    formula.replaceWith(sign + formula.querySelector("annotation").textContent + sign);
  }
  const place = document.createElement("div");
  place.append(copied);
  event.clipboardData.setData("text/plain", place.textContent);
  event.preventDefault();
});

// A display that scrolls is reached by the keyboard.
const scrollers = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
document.querySelectorAll(".math-scroll").forEach((place) => scrollers.observe(place));

// A search result quotes the words of a formula, not its markup.
if (globalThis.Search?.htmlToText) {
  const read = Search.htmlToText;
  Search.htmlToText = (page, anchor) => {
    const parsed = new DOMParser().parseFromString(page, "text/html");
    parsed.querySelectorAll(".katex").forEach((formula) => {
      formula.replaceWith(formula.querySelector(".katex-html")?.textContent ?? "");
    });
    return read(parsed.documentElement.outerHTML, anchor);
  };
}
