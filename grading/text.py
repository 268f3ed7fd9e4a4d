"""A student's text where a person reads one line."""


def one_line(text: str, longest: int = 200) -> str:
    """A student's text for a log or a table: printable, on one line, short."""
    line = " ".join("".join(c if c.isprintable() else "?" for c in text.encode("utf-8", "replace").decode()).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
