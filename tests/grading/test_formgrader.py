"""The instructor's way in a real browser: the formgrader from one command, its buttons, marks, and the feedback page.

What a student wrote is read there by two people who did nothing wrong, so it must do nothing on either page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

import grading_course
from browser import PATIENCE, free_port, wait_for
from chapters.source import ROOT
from grading.course import Course
from grading.gradebook import audit, marks
from grading_course import ANSWER, ASSIGNMENT, GOOD, SAME, TEST, answered, cell, hand_in, handed_in_at

pytestmark = pytest.mark.usefixtures("sandbox")
WRITTEN = "sampling-law"
ESSAY = """The factor $P_{\\mathsf{X}}$ is **not** known:

$$
P_{\\mathsf{X}_1\\cdots\\mathsf{X}_n} = P_{\\mathsf{X}}^n
$$"""

BAD = "window.owned=1;document.title='owned';alert(1)"
ELSEWHERE = "http://192.0.2.1/leak"  # an address that no machine has
HOSTILE_TEXT = f"""<script>{BAD}</script>
<img src=x onerror="{BAD}"> <svg onload="{BAD}"><a xlink:href="javascript:{BAD}"><text>t</text></a></svg>
<iframe src="javascript:parent.owned=1"></iframe> <iframe srcdoc="<script>parent.owned=1</script>"></iframe>
<object data="{ELSEWHERE}"></object> <embed src="{ELSEWHERE}"> <link rel=stylesheet href="{ELSEWHERE}">
<style>@import "{ELSEWHERE}"; body {{ background: url({ELSEWHERE}) }}</style> <base href="{ELSEWHERE}">
<meta http-equiv=refresh content="0;url={ELSEWHERE}"> <form action="{ELSEWHERE}"><input onfocus="{BAD}" autofocus>
</form>
<details open ontoggle="{BAD}"><summary>s</summary></details> <p style="background:url({ELSEWHERE})">p</p>
<math><mtext><img src=x onerror="{BAD}"></mtext></math> <div class="nbgrader_cell panel-primary earned">of 1 point</div>

[link](javascript:{BAD}) ![picture]({ELSEWHERE}.png) $\\href{{javascript:{BAD}}}{{x}}$ $<img src=x onerror="{BAD}">$
$\\mmlToken{{mi}}[id=test-reference-sample]{{}}$ $\\mmlToken{{mi}}[id=sampling-law class=score]{{}}$

$$ \\style{{background:url({ELSEWHERE})}}{{x}} </math><script>{BAD}</script> $$

```python" onmouseover="{BAD}
</pre><script>{BAD}</script>
```"""
HOSTILE_CODE = f"""from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display
bad = {BAD!r}
display(HTML(f"<script>{{bad}}</script><img src=x onerror='window.owned=1'><b>harmless</b>"))
display(HTML(f"<script>parent.owned=1</script>"), metadata={{"text/html": {{"isolated": True}}}})
display(Javascript(bad), Latex(f"$x$ <script>{{bad}}</script>"))
display(Markdown(f"<script>{{bad}}</script> [a](javascript:{{bad}})"))
display(SVG(f"<svg xmlns='http://www.w3.org/2000/svg'><script>{{bad}}</script></svg>"))
display({{"image/png": "AAAA"}}, raw=True, metadata={{"image/png": {{"width": "1 onerror=window.owned=1"}}}})
display({{"image/png": "AAAA"}}, raw=True, metadata={{"filenames": {{"image/png": "{ELSEWHERE}.png"}}}})
display({{"text/vnd.mermaid": f"</pre><script>{{bad}}</script>"}}, raw=True)
display({{"application/vnd.jupyter.widget-view+json": {{"model_id": f"</script><script>{{bad}}"}}}}, raw=True)
print(f"<script>{{bad}}</script>\\x1b[31;1m<img src=x onerror='window.owned=1'>")
raise ValueError(f"<script>{{bad}}</script>")"""


def hostile() -> nbformat.NotebookNode:
    notebook = answered(GOOD)
    cell(notebook, WRITTEN).source = HOSTILE_TEXT
    cell(notebook, ANSWER).source += f"\n# <script>{BAD}</script>"
    notebook.cells.append(new_code_cell(HOSTILE_CODE))
    notebook.cells += [new_markdown_cell(HOSTILE_TEXT), new_raw_cell(f"<script>{BAD}</script>")]
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """A course with a late submission, and one from an LMS's bulk download whose owner means no good."""
    course = grading_course.course(tmp_path_factory.mktemp("formgrader"))
    late = answered(SAME)
    cell(late, WRITTEN).source = ESSAY
    hand_in(course, "ada", late)
    handed_in_at(course, "ada", "2025-03-02 12:00:00 UTC")
    archive = course.root / "downloaded" / ASSIGNMENT / "archive" / "all.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as download:
        download.writestr("eve_12_assignsubmission_file_/formulation.ipynb", nbformat.writes(hostile()))
    collect = [sys.executable, "-m", "nbgrader", "zip_collect", ASSIGNMENT]
    run = subprocess.run(collect, cwd=course.root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    with course.gradebook() as book:
        marks.due(book, ASSIGNMENT, datetime(2025, 3, 1, 12, tzinfo=UTC))
        book.add_student("eve_12", first_name=f"<img src=x onerror={BAD}>", last_name=f"<script>{BAD}</script>")
    return course


@pytest.fixture(scope="module")
def server(course, tmp_path_factory):
    """The address of what `make formgrader` opens, for someone who has configured nothing."""
    own, port = tmp_path_factory.mktemp("own"), free_port()
    env = os.environ | {"JUPYTER_CONFIG_DIR": str(own), "JUPYTER_RUNTIME_DIR": str(own / "runtime")}
    command = [sys.executable, "-m", "grading", "formgrader", "--course", str(course.root), "--"]
    command += ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    with (own / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            wait_for(lambda: "is running at" in (own / "log").read_text(), (own / "log").read_text)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def page(chromium, server):
    """A page that notes every dialog, every error, and every request that is not the server's."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.dialogs, page.asked, page.errors = [], set(), []
    page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: page.asked.add(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()


def shown(page, name: str) -> None:
    """Keep a picture to look at."""
    target = ROOT / "_build" / "formgrader" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target, full_page=True)


def assert_inert(page, address: str) -> None:
    """Nothing that a student wrote has run or asked for anything, and nothing that they could add would run."""
    page.evaluate(
        """bad => {
          const box = document.createElement('div');
          box.innerHTML = `<img src=x onerror="${bad}"><a href="javascript:${bad}">x</a>`;
          document.body.append(box);
          box.querySelector('a').click();
          const script = document.createElement('script');
          script.textContent = bad;
          box.append(script);
          return new Promise(done => setTimeout(() => { box.remove(); done(); }, 300));
        }""",
        BAD,
    )
    assert page.evaluate("window.owned") is None
    assert "owned" not in page.title()
    assert page.dialogs == []
    assert {url for url in page.asked if not url.startswith((address, "data:", "blob:"))} == set()
    live = ":is(.panel-body, .own, .answer, .test) :is(script, iframe, object, embed, svg, form, style, link, [style])"
    assert page.locator(live).count() == 0
    attributes = (
        "[...document.querySelectorAll('main *')].flatMap(e => [...e.attributes]).map(a => `${a.name}=${a.value}`)"
    )
    assert [
        a for a in page.evaluate(attributes) if re.match(r"on\w+=|(href|src)=\s*(javascript|data:text|http)", a)
    ] == []


def press(page, server: str, student: str, button: str) -> str:
    """Press a button in a student's row under Manage Submissions; return the title of what comes of it."""
    page.goto(f"{server}/formgrader/manage_submissions/{ASSIGNMENT}")
    row = page.locator("#main-table tr", has=page.locator(".student-id", has_text=student))
    row.locator(f".{button} a").click()
    page.locator(".modal-body").wait_for()
    return page.locator(".modal-title").inner_text()


def open_submission(page, server: str, course: Course, student: str) -> None:
    """Open the page to mark on, as the links under Manual Grading do, and wait until it is ready."""
    with course.gradebook() as book:
        number = book.find_submission_notebook("formulation", ASSIGNMENT, student).id
    page.goto(f"{server}/formgrader/gradebook/{ASSIGNMENT}/formulation")
    page.locator(f"#main-table a[href$='{number}']").first.click()
    for field in (".score", ".comment"):
        page.locator(f"{field}[placeholder]").last.wait_for()


@pytest.fixture(scope="module")
def autograded(page, server) -> dict[str, str]:
    """Both submissions after a click on their Autograde buttons, with what the formgrader said."""
    return {student: press(page, server, student, "autograde") for student in ("ada", "eve_12")}


def test_one_command_opens_the_released_assignments(page, server):
    page.goto(server)
    row = page.locator("#main-table tr", has_text=ASSIGNMENT)
    row.wait_for()
    assert page.url.rstrip("?").endswith("/formgrader/manage_assignments")
    assert "2025-03-01 12:00:00 UTC" in row.inner_text()
    assert row.locator(".num-submissions").inner_text() == "2"
    assert page.locator("#collapseConfig").count() == 0, "the settings may hold a password"
    shown(page, "assignments")


def test_the_browser_of_files_lists_no_secret_and_no_gradebook(page, server, course):
    assert (course.root / "secret").exists()
    listed = {entry["name"] for entry in page.request.get(f"{server}/api/contents").json()["content"]}
    assert "submitted" in listed
    assert not [name for name in listed if name == "secret" or name.startswith("gradebook")]


def test_the_button_grades_in_the_sandbox_with_our_verdict(page, server, course, autograded):
    assert set(autograded.values()) == {"Success"}
    log = page.locator(".modal-body").inner_text()
    assert "[DEBUG]" not in log
    for student, points in {"ada": 1.5, "eve_12": 2}.items():
        record = audit.latest(course.root, ASSIGNMENT, student)
        assert record.isolation == ["bubblewrap"]
        assert sum(earned for _, _, earned, _ in record.checks[TEST]) == points
        with course.gradebook() as book:
            grades = [book.find_grade(name, "formulation", ASSIGNMENT, student) for name in (TEST, WRITTEN)]
            assert [grade.auto_score for grade in grades] == [points, None]
            assert [grade.needs_manual_grade for grade in grades] == [False, True]
    page.goto(f"{server}/formgrader/manage_submissions/{ASSIGNMENT}")
    page.locator(".status", has_text="needs manual grading").nth(1).wait_for()
    shown(page, "submissions")


def test_the_marker_sees_the_answer_the_reasons_and_the_rubric(page, server, course, autograded):
    open_submission(page, server, course, "ada")
    shown(page, "marking")
    written = page.locator(".nbgrader_cell", has=page.locator(f"[id='{WRITTEN}']"))
    assert "is not known" in written.locator(".panel-body").inner_text()
    assert written.locator(".panel-body math").count() == 2
    source = nbformat.read(course.root / "source" / ASSIGNMENT / "formulation.ipynb", as_version=4)
    model = written.locator(".model").inner_text()
    words = re.findall(r"[A-Za-z]{7,}", re.sub(r"\$.*?\$", "", cell(source, WRITTEN).source, flags=re.DOTALL))
    assert words
    assert [word for word in words if word not in model] == []
    assert written.locator(".model math").count() > 0
    tests = page.locator(".nbgrader_cell", has=page.locator(f"[id='{TEST}']"))
    checks = audit.latest(course.root, ASSIGNMENT, "ada").checks[TEST]
    for behaviour, points, earned, reason in checks:
        row = tests.locator(".checks li", has_text=behaviour).inner_text()
        assert f"{earned:g} of {points:g}" in row
        assert reason in row
    assert any(reason for *_, reason in checks)
    assert tests.locator(".score").get_attribute("placeholder") == "1.5"
    assert "exec(" not in page.content()
    assert page.errors == []


def test_a_mark_reaches_the_feedback_survives_a_regrade_and_is_late_like_the_rest(page, server, course, autograded):
    open_submission(page, server, course, "ada")
    page.locator(f"[id='{WRITTEN}']").fill("0.5")
    page.locator(f"[id='{WRITTEN}']").press("Tab")
    page.locator(f"[id='{WRITTEN}-comment']").fill("Half: say what **is** known, such as $n$.")
    with page.expect_response(lambda response: "/api/comment/" in response.url and response.request.method == "PUT"):
        page.locator(f"[id='{WRITTEN}-comment']").press("Tab")

    def marks() -> tuple:
        with course.gradebook() as book:
            grade = book.find_grade(WRITTEN, "formulation", ASSIGNMENT, "ada")
            comment = book.find_comment(WRITTEN, "formulation", ASSIGNMENT, "ada")
            return grade.manual_score, grade.needs_manual_grade, comment.manual_comment

    wait_for(lambda: marks()[0] == 0.5, lambda: str(marks()))
    before = marks()
    assert before[1:] == (False, "Half: say what **is** known, such as $n$.")
    assert press(page, server, "ada", "autograde") == "Success"
    assert marks() == before
    assert len(audit.path(course.root, ASSIGNMENT, "ada").read_text().splitlines()) == 2
    assert press(page, server, "ada", "generate-feedback") == "Success"
    page.goto((course.root / "feedback" / "ada" / ASSIGNMENT / "formulation.html").as_uri())
    shown(page, "feedback")
    # 1.5 by the tests and 0.5 by hand, a day late: a tenth of all of it
    assert page.locator(".total").inner_text() == "1.8 of 6 points"
    assert "Late by 24 hours: 0.2 of the 2 earned points" in page.locator(".late").inner_text()
    answer = page.locator(".answer", has_text="is not known")
    assert "0.5 of 1 point" in answer.locator("h3").inner_text()
    assert "say what is known" in answer.locator(".comment").inner_text()
    assert answer.locator(".comment math").count() == 1
    lost = [(b, r) for b, most, earned, r in audit.latest(course.root, ASSIGNMENT, "ada").checks[TEST] if earned < most]
    for behaviour, reason in lost:
        assert reason in page.locator(".test .lost", has_text=behaviour).inner_text()
        assert f"{behaviour}: 0.5 lost" in page.locator(".overview").inner_text()
    page.locator(".overview a").nth(1).click()
    assert page.locator("h2:target").inner_text() == page.locator(".overview a").nth(1).inner_text()
    # New work keeps the mark, and asks for another look.
    hand_in(course, "ada", answered(GOOD))
    assert press(page, server, "ada", "autograde") == "Success"
    assert marks() == (0.5, True, before[2])
    open_submission(page, server, course, "ada")
    page.locator(".nbgrader_cell", has=page.locator(f"[id='{WRITTEN}']")).locator(".mark-graded").click()
    wait_for(lambda: marks()[1] is False)


VIEWS = {
    "light": {"viewport": {"width": 1100, "height": 900}},
    "dark": {"viewport": {"width": 1100, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True},
}


@pytest.fixture(scope="module")
def feedback(page, server, course, autograded) -> Path:
    """The folder of the feedback pages after a click on Generate Feedback for the whole assignment."""
    page.goto(f"{server}/formgrader/manage_assignments")
    page.locator("#main-table tr", has_text=ASSIGNMENT).locator(".generate-feedback a").click()
    page.locator(".modal-title", has_text="Success").wait_for()
    return course.root / "feedback"


@pytest.mark.parametrize("view", VIEWS)
def test_the_feedback_is_readable_by_everyone(chromium, feedback, view):
    context = chromium.new_context(**VIEWS[view])
    page = context.new_page()
    for student in ("ada", "eve_12"):
        page.goto((feedback / student / ASSIGNMENT / "formulation.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        shown(page, f"feedback-{student}-{view}")
        wide = page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"the page is {wide} px wider than the screen"
        # The page lets no script in, and axe is one: it looks at the same page without that line.
        page.set_content(re.sub(r"<meta http-equiv[^>]*>", "", page.content()))
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], "accessibility"
    context.close()


def test_hostile_work_is_visible_and_inert_on_both_pages(page, server, course, autograded, feedback):
    page.asked.clear()
    for place in (
        "manage_submissions/{0}",
        "gradebook/{0}/formulation",
        "manage_students",
        "manage_students/eve_12/{0}",
    ):
        page.goto(f"{server}/formgrader/{place.format(ASSIGNMENT)}", wait_until="networkidle")
        assert (page.evaluate("window.owned"), page.dialogs) == (None, [])
    open_submission(page, server, course, "eve_12")
    assert page.locator(".name-shown").inner_text().startswith("<script>")
    assert_inert(page, server)
    # A mark is bound to the first element with its cell's name: no name may be there twice.
    names = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert {TEST, WRITTEN} <= set(names)
    assert len(names) == len(set(names))
    read = page.locator("main").inner_text()
    page.asked.clear()
    page.goto((feedback / "eve_12" / ASSIGNMENT / "formulation.html").as_uri())
    assert_inert(page, "file:")
    for text in (read, page.locator("main").inner_text()):
        # What was meant to run is there to read: in the answer, in its code, in an output and in an error.
        assert text.count(f"<script>{BAD}</script>") >= 5
        assert "harmless" in text
        assert "ValueError" in text


def test_the_page_is_ours_however_the_formgrader_was_started(course):
    from nbgrader.server_extensions.formgrader import handlers

    config = course.config  # as JupyterLab loads it when an instructor opens a course from anywhere
    handler = SimpleNamespace(settings={"nbgrader_formgrader": SimpleNamespace(config=config)})
    exporter = handlers.SubmissionHandler.exporter.fget(handler)
    file = grading_course.template() / "release" / ASSIGNMENT / "formulation.ipynb"
    names = {"assignment_id": ASSIGNMENT, "student": "ada", "notebook_id": "formulation", "submission_id": "1"}
    html, _ = exporter.from_filename(str(file), names | {"base_url": "", "index": 0, "total": 1, "notebook_path": ""})
    assert "Content-Security-Policy" in html
    assert not re.search(r"(src|href)=\"(https?:)?//", html)
