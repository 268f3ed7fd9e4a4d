"""A page with live figures, as a reader opens it."""

from playwright.sync_api import expect

PAGES = {
    "formulation": 1,
    "resampling": 2,
    "donsker-varadhan": 1,
    "smoothing": 1,
    "training": 1,
    "mine": 1,
    "mi-nee": 1,
}


COUNT_FRAMES = """
  window.frames = 0;
  const request = window.requestAnimationFrame;
  window.requestAnimationFrame = (act) => request((time) => { window.frames++; act(time); });
"""


class Visit:
    """A page of the site in a browser that lets no request leave, and notes what went wrong."""

    def __init__(self, chromium, served, **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        self.served, self.left, self.said, self.answers = served, [], [], []
        self.context = chromium.new_context(**options)
        self.context.set_default_timeout(30_000)
        self.context.route("**/*", self._guard)
        self.page = self.context.new_page()
        self.page.add_init_script(COUNT_FRAMES)
        self.page.on("console", lambda m: self.said.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("response", lambda answer: self.answers.append(answer))

    def _guard(self, route):
        if route.request.url.startswith((self.served, "blob:")):
            route.continue_()
        else:
            self.left.append(route.request.url)
            route.abort()

    def open(self, name: str, figures: int | None = None):
        self.page.goto(f"{self.served}/book/{name}.html", wait_until="networkidle")
        expect(self.page.locator(".live")).to_have_count(PAGES[name] if figures is None else figures)
        return self.page

    def figure(self, index: int = 0):
        figure = self.page.locator(".live").nth(index)
        figure.evaluate("one => { for (let at = one; (at = at.closest('details:not([open])')); ) at.open = true; }")
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".live-status")).not_to_be_empty()
        figure.locator(".live-more").evaluate_all("all => all.forEach(one => (one.open = true))")
        return figure


def status(figure) -> str:
    return figure.locator(".live-status").inner_text()


def frames(page, milliseconds: int = 700) -> int:
    """How many frames the page asks for while it waits."""
    before = page.evaluate("window.frames")
    page.wait_for_timeout(milliseconds)
    return page.evaluate("window.frames") - before
