// Paper cannot be clicked: open what is folded before printing, but for answers and code of plots; close it afterwards.
let opened = [];
window.addEventListener("beforeprint", () => {
  const folds = [...document.querySelectorAll("details:not([open])")];
  opened = folds.filter((fold) => !fold.querySelector(".solution") && !fold.closest(".tag_hide-input, .live"));
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
    formula.replaceWith(sign + formula.dataset.tex + sign);
  }
  const place = document.createElement("div");
  place.append(copied);
  event.clipboardData.setData("text/plain", place.textContent);
  event.preventDefault();
});

// A display or a table that scrolls is reached by the keyboard.
const scrollers = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
const scrolling = document.querySelectorAll(".math-scroll, .pst-scrollable-table-container");
scrolling.forEach((place) => scrollers.observe(place));

// On a narrow screen code wraps; a line that does begins with a sign. Copying takes the text as it was.
const narrow = matchMedia("(max-width: 600px)");
function wrapCode() {
  if (!narrow.matches) return;
  for (const block of document.querySelectorAll(".bd-article .highlight pre:not([data-lines])")) {
    block.dataset.lines = "";
    const lines = [document.createElement("span")];
    for (const part of [...block.childNodes]) {
      // a token of several lines, such as a docstring, is cut at their ends
      part.textContent.split("\n").forEach((text, k) => {
        if (k) {
          lines.at(-1).append("\n");
          lines.push(document.createElement("span"));
        }
        const piece = part.cloneNode(false);
        piece.textContent = text;
        if (text || part.nodeType === Node.ELEMENT_NODE) lines.at(-1).append(piece);
      });
    }
    for (const line of lines) line.className = "code-line";
    block.replaceChildren(...lines.filter((line) => line.textContent));
  }
  const high = (line) => line.offsetHeight > 1.8 * parseFloat(getComputedStyle(line).lineHeight);
  const wrapped = [...document.querySelectorAll(".code-line")].map((line) => [line, high(line)]);
  for (const [line, is] of wrapped) if (line.offsetParent) line.classList.toggle("wrapped", is);
}
narrow.addEventListener("change", wrapCode);
addEventListener("load", wrapCode);
addEventListener("toggle", wrapCode, true); // what was folded has a height only now

// The theme scrolls the list of chapters to the present one once the page is there. Where that is in sight anyway, the
// list stays where it is, and nothing moves.
const list = document.querySelector(".bd-sidebar-primary");
const present = [...(list?.querySelectorAll(".active") ?? [])].at(-1);
try {
  if (present?.getBoundingClientRect().bottom < innerHeight && !sessionStorage.getItem("sidebar-scroll-top"))
    sessionStorage.setItem("sidebar-scroll-top", "0");
} catch {
  // a browser that keeps nothing scrolls
}
