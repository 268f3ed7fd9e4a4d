"""The one style sheet: the order is kept, what no page names is gone, small files are inside."""

from sitebuild import sheet


def made(tmp_path, style: str, page: str = '<p class="shown">') -> str:
    static = tmp_path / "_static"
    static.mkdir(exist_ok=True)
    (tmp_path / "page.html").write_text(page)
    (static / "one.css").write_text(style)
    sheet.write(tmp_path, ["one.css"])
    return (static / sheet.STYLE).read_text()


def test_rules_for_classes_that_no_page_names_are_gone(tmp_path):
    style = made(tmp_path, ".shown { color: red } .other { color: blue } p, .other a { color: green }")
    assert ".shown{color: red}" in style
    assert ".other" not in style
    assert "p{color: green}" in style


def test_rules_inside_a_condition_are_judged_one_by_one(tmp_path):
    style = made(
        tmp_path, "@media print { .shown { top: 0 } .other { top: 1px } } @media screen { .other { top: 2px } }"
    )
    assert "@media print{.shown{top: 0}}" in style
    assert "screen" not in style


def test_a_class_that_must_not_be_there_keeps_its_rule(tmp_path):
    assert "p:not(.other)" in made(tmp_path, "p:not(.other) { color: red }")


def test_braces_and_commas_in_strings_end_nothing(tmp_path):
    style = made(tmp_path, '.shown::before { content: "a } , { b"; top: 0 } p { left: 0 }')
    assert 'content: "a } , { b"; top: 0' in style
    assert "p{left: 0}" in style


def test_imports_and_small_files_are_inside(tmp_path):
    static = tmp_path / "_static"
    static.mkdir()
    (static / "base.css").write_text("p { top: 1px }")
    (static / "dot.svg").write_text("<svg/>")
    style = made(tmp_path, '@import "base.css"; p { background: url(dot.svg) }')
    assert style.index("top: 1px") < style.index("data:image/svg+xml;base64,")


def test_a_sheet_of_an_earlier_build_stays_in_its_place(tmp_path):
    made(tmp_path, "p { top: 1px }")
    (tmp_path / "_static" / "two.css").write_text("p { top: 2px }")
    sheet.write(tmp_path, ["two.css"])
    style = (tmp_path / "_static" / sheet.STYLE).read_text()
    assert style.index("1px") < style.index("2px")
