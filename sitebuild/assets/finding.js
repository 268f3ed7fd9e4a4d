// The search page: every word of the query must be found in an entry of sections.js (sitebuild/finding.py).
(() => {
  const WORDS = /[\p{L}\p{N}]+(?:\.\p{N}+)*/gu; // "4.5" is one word, "log-sum-exp" three
  const SHOWN = 30;
  const AROUND = 90; // characters on each side of what was found

  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const words = (text) => plain(text).match(WORDS) ?? [];

  /** How well a word fits a list of words: whole, as a beginning, or not at all. */
  const fit = (word, list) => (list.includes(word) ? 2 : list.some((one) => one.startsWith(word)) ? 1 : 0);

  function score(query, entry) {
    entry.words ??= [words(entry.title), words(entry.label), words(entry.text)];
    let sum = 0;
    for (const word of query) {
      const [title, label, text] = entry.words.map((list) => fit(word, list));
      if (title + label + text === 0) return 0;
      sum += 10 * title + 6 * label + text;
    }
    return sum + (plain(entry.label) === query.join("-") ? 40 : 0); // who knows the label means the statement
  }

  /** The text around the first place where a word of the query stands. */
  function context(query, text) {
    const places = query.map((word) => plain(text).indexOf(word)).filter((k) => k >= 0);
    const at = places.length ? Math.min(...places) : 0;
    const from = at > AROUND ? text.indexOf(" ", at - AROUND) + 1 : 0;
    const piece = text.slice(from, at + 2 * AROUND);
    return `${from ? "… " : ""}${piece}${from + piece.length < text.length ? " …" : ""}`;
  }

  function item(query, entry, root) {
    const made = document.createElement("li");
    const link = document.createElement("a");
    link.href = root + entry.url;
    link.textContent = entry.title;
    const where = document.createElement("p");
    where.className = "search-where";
    where.textContent = [...new Set([entry.chapter, entry.section])].filter((name) => name && name !== entry.title).join(" › ");
    const said = document.createElement("p");
    said.className = "context";
    said.textContent = context(query, entry.text);
    made.append(link, where, said);
    return made;
  }

  function search(text) {
    const query = words(text);
    const found = (query.length ? window.bookSections : [])
      .map((entry) => [score(query, entry), entry])
      .filter(([points]) => points > 0)
      .sort(([a], [b]) => b - a);
    const head = document.createElement("h2");
    head.textContent = "Search results";
    const summary = document.createElement("p");
    summary.className = "search-summary";
    summary.setAttribute("role", "status");
    summary.textContent = found.length
      ? `${found.length} ${found.length === 1 ? "place holds" : "places hold"} every word of “${text}”${found.length > SHOWN ? `; the best ${SHOWN} are shown` : ""}.`
      : `No place holds every word of “${text}”. Try fewer words, or the beginning of one.`;
    const list = document.createElement("ul");
    list.className = "search";
    const root = document.documentElement.dataset.content_root ?? "./";
    list.append(...found.slice(0, SHOWN).map(([, entry]) => item(query, entry, root)));
    document.getElementById("search-results").replaceChildren(head, summary, list);
  }

  Search.performSearch = search; // Sphinx's own page calls it with what the address asks
})();
