"""What the tests of pages ask of a page, in whatever browser: scripts, views, how near is near."""

from chapters.execution import code_cells
from chapters.source import pages, read

CHAPTERS = [path.stem for path in pages() if code_cells(read(path))]
VIEWS = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True},
}
NEAR = 40  # px between a target and where it belongs
STILL = """() => new Promise((done) => {
  let last = -1, same = 0;
  const look = () => {
    same = scrollY === last ? same + 1 : 0;
    last = scrollY;
    if (same > 12) done();
    else setTimeout(look, 30);
  };
  look();
})"""
OFF = """(id) => {
  const target = document.getElementById(id);
  const place = target.matches("section") ? target.querySelector("h1, h2, h3, h4") : target;
  const wanted = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
  const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  const off = place.getBoundingClientRect().top - wanted;
  return atEnd ? Math.min(0, off) : off;
}"""
ENTRIES = """[...new Set([...document.querySelectorAll("nav.bd-toc-nav a[href^='#']")].map((a) => a.hash.slice(1)))]
  .filter(Boolean)"""
PAGES = [f"book/{path.stem}.html" for path in pages()] + ["search.html", "genindex.html"]
UNSET = r"[...document.querySelectorAll('.math')].filter(e => !e.querySelector('.katex')).map(e => e.textContent)"
