// A reference shows what it refers to, taken from the site's own pages; after following one, a way back.
(() => {
  const LINKS = ".bd-article a.reference.internal:not(.sd-btn)";
  const BLOCK = "div.math, div.proof, div.exercise, figure, div.citation, section"; // what a target is, or stands in
  const [SHOW, HIDE] = [250, 200]; // milliseconds
  const HOP = "book.hop"; // in the session: the address that a followed reference leads to

  /** @type {Map<string, Promise<Document>>} */
  const pages = new Map([[location.pathname, Promise.resolve(document)]]);
  let card = null;
  let shownFor = null;
  let timer = 0;
  let touched = false;

  function page(address) {
    if (!pages.has(address.pathname))
      pages.set(
        address.pathname,
        fetch(address.pathname)
          .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))))
          .then((text) => new DOMParser().parseFromString(text, "text/html")),
      );
    return pages.get(address.pathname);
  }

  /** The statement, equation, figure, entry or beginning of a section that the address leads to, as a copy. */
  function excerpt(source, hash) {
    const target = hash ? source.getElementById(decodeURIComponent(hash.slice(1))) : source.querySelector("article section");
    const block = target?.closest(BLOCK);
    if (!block || target.closest("div.solution")) return null;
    if (block.matches("section") && !block.parentElement.closest("div.proof, div.exercise")) {
      const beginning = document.createElement("div");
      const paragraph = block.querySelector(":scope > p");
      for (const part of [block.querySelector(":scope > :is(h1, h2, h3, h4)"), paragraph]) if (part) beginning.append(part.cloneNode(true));
      return beginning;
    }
    return (block.matches("section") ? block.parentElement.closest("div.proof, div.exercise") : block).cloneNode(true);
  }

  /** A copy holds nothing to press and no name that the page has already. */
  function still(copy, address) {
    copy.querySelectorAll("script, style, .live, .live-try, .headerlink, details, button").forEach((part) => part.remove());
    copy.querySelectorAll("[data-live-model]").forEach((place) => {
      delete place.dataset.live;
      delete place.dataset.liveModel;
    });
    copy.querySelectorAll("a").forEach((link) => {
      const text = document.createElement("span");
      text.append(...link.childNodes);
      link.replaceWith(text);
    });
    copy.querySelectorAll("h1, h2, h3, h4").forEach((head) => {
      const text = document.createElement("strong");
      text.append(...head.childNodes);
      head.replaceWith(text);
    });
    copy.querySelectorAll("img").forEach((image) => {
      image.src = new URL(image.getAttribute("src"), address).href;
      image.loading = "eager";
    });
    for (const part of [copy, ...copy.querySelectorAll("[id], [tabindex]")])
      for (const name of ["id", "tabindex"]) part.removeAttribute(name);
    return copy;
  }

  function place(link) {
    const [box, base] = [link.getClientRects()[0], card.offsetParent.getBoundingClientRect()];
    const screen = document.documentElement.clientWidth;
    const width = Math.min(640, screen - 16);
    card.style.width = `${width}px`;
    card.style.left = `${Math.max(8, Math.min(box.left, screen - width - 8)) - base.left}px`;
    const below = innerHeight - box.bottom > Math.min(card.offsetHeight, 0.5 * innerHeight);
    card.style.top = `${(below ? box.bottom + 6 : Math.max(6, box.top - card.offsetHeight - 6)) - base.top}px`;
  }

  function hide() {
    clearTimeout(timer);
    shownFor?.removeAttribute("aria-describedby");
    shownFor = null;
    card?.remove();
    card = null;
  }

  async function show(link) {
    if (link === shownFor) return;
    hide();
    shownFor = link;
    const address = new URL(link.href);
    const source = await page(address).catch(() => null); // a page opened from a folder may not read another
    const copy = source && excerpt(source, address.hash);
    if (!copy && touched && shownFor === link) location.assign(link.href); // nothing to show: go there at once
    if (!copy || shownFor !== link) return;
    card = document.createElement("div");
    card.id = "reference-card";
    card.className = "reference-card bd-article";
    card.setAttribute("role", "tooltip");
    card.append(still(copy, address));
    if (touched) card.append(Object.assign(document.createElement("p"), { className: "reference-hint", textContent: "Tap the reference again to go there." }));
    card.addEventListener("pointerenter", () => clearTimeout(timer));
    card.addEventListener("pointerleave", leave);
    (document.querySelector("main") ?? document.body).append(card);
    link.setAttribute("aria-describedby", card.id);
    if (source !== document) await window.MathJax?.typesetPromise?.([card]); // where formulas are set on the page
    if (card) place(link);
  }

  function leave() {
    clearTimeout(timer);
    timer = setTimeout(hide, HIDE);
  }

  const reference = (event) => (event.target instanceof Element ? event.target.closest(LINKS) : null);

  document.addEventListener("pointerover", (event) => {
    const link = event.pointerType === "mouse" && reference(event);
    if (!link) return;
    clearTimeout(timer);
    touched = false;
    timer = setTimeout(() => show(link), SHOW);
  });
  document.addEventListener("pointerout", (event) => event.pointerType === "mouse" && reference(event) && leave());
  document.addEventListener("focusin", (event) => {
    const link = reference(event);
    if (link?.matches(":focus-visible")) show(link);
    else if (!link && !touched) hide();
  });
  document.addEventListener("focusout", (event) => reference(event) && !touched && hide());
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch";
    if (touched && !reference(event) && !(card && card.contains(event.target))) hide();
  });
  document.addEventListener("click", (event) => {
    const link = reference(event);
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey) return;
    if (touched && link !== shownFor && !link.querySelector("img")) {
      event.preventDefault(); // the first tap shows
      show(link);
      return;
    }
    hide();
    remember(link.href);
  });

  /** Note where a reference leads, and offer the way back once it is reached. */
  function remember(href) {
    try {
      sessionStorage.setItem(HOP, href);
    } catch {
      return; // without a session there is the browser's own way back
    }
    setTimeout(offer);
  }

  function hop() {
    try {
      return sessionStorage.getItem(HOP);
    } catch {
      return null;
    }
  }

  function offer() {
    const there = hop() === location.href;
    document.querySelector(".way-back")?.remove();
    if (!there) return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "way-back", textContent: "Back to where you were" });
    button.addEventListener("click", () => {
      sessionStorage.removeItem(HOP);
      button.remove();
      history.back();
    });
    (document.querySelector("main") ?? document.body).append(button);
  }

  addEventListener("hashchange", offer);
  addEventListener("popstate", () => setTimeout(offer));
  const [visit] = performance.getEntriesByType("navigation");
  if (visit?.type === "navigate") offer();
})();
