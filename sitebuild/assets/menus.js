// The menus of the theme's header and the mark of the present section in the contents: all that its pages use of
// Bootstrap, whose 80 kB the site does without (templates/static/webpack-macros.html).

for (const toggle of document.querySelectorAll('[data-bs-toggle="dropdown"]')) {
  const place = toggle.parentElement;
  const menu = place.querySelector(".dropdown-menu");
  const entries = [...menu.querySelectorAll("a, button")];
  const show = (open) => {
    menu.classList.toggle("show", open);
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => show(!menu.classList.contains("show")));
  document.addEventListener("click", (event) => !place.contains(event.target) && show(false));
  place.addEventListener("focusout", (event) => event.relatedTarget && !place.contains(event.relatedTarget) && show(false));
  place.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      show(false);
      toggle.focus();
    } else if (step) {
      show(true);
      const at = entries.indexOf(document.activeElement);
      entries.at(at < 0 && step > 0 ? 0 : (at + step) % entries.length).focus();
      event.preventDefault();
    }
  });
}

// The section that is read is the last one whose heading has passed the upper third of the window.
const links = new Map();
for (const link of document.querySelectorAll(".bd-toc-nav a[href^='#']")) {
  const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (section) links.set(section, link);
}
let marked = null;
let asked = 0;
function mark() {
  asked = 0;
  const passed = [...links.keys()].filter((section) => section.getBoundingClientRect().top < innerHeight / 3);
  const link = links.get(passed.at(-1)) ?? null;
  if (link === marked) return;
  marked?.classList.remove("active");
  link?.classList.add("active");
  marked = link;
  dispatchEvent(new Event("activate.bs.scrollspy")); // the theme opens the entries above it
}
if (links.size) {
  addEventListener("scroll", () => (asked ||= requestAnimationFrame(mark)), { passive: true });
  addEventListener("load", mark);
}
