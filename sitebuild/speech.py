"""Formulas in words, as a lecturer says them: MathML goes in, a sentence for a screen reader comes out.

General readers of MathML take I(X∧Y) for a product and the wedge for "and", and spell out operators. The book's
notation is small and fixed, so its words are a table here, and a formula is read from left to right.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

SIGNS = {
    "=": "equals", "≠": "is not equal to", ":=": "is defined as", "≔": "is defined as", "≈": "is about",
    "<": "is less than", ">": "is greater than", "≤": "is at most", "≥": "is at least", "≪": "is dominated by",
    "≪̸": "is not dominated by", "+": "plus", "−": "minus", "-": "minus", "±": "plus or minus", "×": "times",
    "⋅": "times", "·": "times", "/": "over", "∈": "in", "∉": "not in", "⊂": "within", "⊆": "within", "∪": "union",
    "∩": "intersected with", "∖": "without", "∧": "and", "∨": "or", "∣": "given", "∥": "from", "→": "to",
    "↦": "maps to", "⇒": "implies", "⇔": "if and only if", "∼": "is distributed as", "∝": "is proportional to",
    "∞": "infinity", "∇": "gradient of", "∂": "partial", "∑": "the sum", "∏": "the product", "∫": "the integral of",
    "⊤": "transpose", "∘": "after", "∗": "star", "*": "star", "…": "and so on to", "⋯": "and so on to",
    "!": "factorial", "#": "the number of", "∀": "for all", "∃": "there is", "∅": "the empty set", "ℓ": "ell",
    "ı": "iota",
    "≡": "is identical to", "≻": "succeeds", "⌊": "the floor of", "⌋": "end floor",
    "⋃": "the union", "←": "becomes", "≫": "is much greater than", "⌈": "the ceiling of", "⌉": "end ceiling",
    "↓": "falls to", "↑": "rises to",
    "⊗": "times", "⟂": "independent of", "⊥": "independent of", "%": "percent", "≲": "is at most about",
}  # fmt: skip
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ϵ": "epsilon", "ε": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "υ": "upsilon", "ϕ": "phi", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Γ": "capital gamma", "Δ": "capital delta", "Θ": "capital theta", "Λ": "capital lambda", "Σ": "capital sigma",
    "Φ": "capital phi", "Ψ": "capital psi", "Ω": "capital omega",
}  # fmt: skip
OPERATORS = {
    "E": "the expectation of", "Var": "the variance of", "Cov": "the covariance of", "avg": "the average of",
    "logmeanexp": "the log mean exp of", "sg": "stop gradient of", "log": "log", "exp": "exp", "sup": "the supremum of",
    "inf": "the infimum of", "max": "the maximum of", "min": "the minimum of", "det": "the determinant of",
    "tr": "the trace of", "lim": "the limit of", "Pr": "the probability of",
    "arg max": "the argument of the maximum of",
}  # fmt: skip
BY_INDEX = {"the average of": "the average", "the supremum of": "the supremum", "the infimum of": "the infimum",
            "the maximum of": "the maximum", "the minimum of": "the minimum", "the limit of": "the limit",
            "the sum": "the sum", "the product": "the product", "the expectation of": "the expectation",
            "the log mean exp of": "the log mean exp", "the union": "the union"}  # fmt: skip
ACCENTS = {"^": "hat", "~": "tilde", "ˉ": "bar", "¯": "bar", "˙": "dot", "⃗": "vector", "‾": "bar"}
FRACTIONS = {("1", "2"): "one half", ("1", "3"): "one third", ("1", "4"): "one quarter", ("3", "4"): "three quarters"}
ALPHABETS = {"double-struck": {"R": "the reals", "N": "the naturals"}, "script": {"N": "the normal law"}}
BARS = {"∣": "size", "|": "size", "∥": "norm", "‖": "norm"}
FUNCTIONS = set("IDHJVLPQGMWUTKCFabfghpqrstuviOℓıϕφψθπδνΦ")
"""Letters before a bracket that the book reads as functions: t(x) is "t of x", n(n-1) "n times"."""
OPEN, CLOSE = {"(", "[", "{"}, {")", "]", "}"}
PAUSE = {",": ",", ";": ";", ".": "", ":": ":"}


def words(math: ElementTree.Element) -> str:
    """The words of a ``<math>`` element as KaTeX writes it."""
    text = _say(_content(math))
    text = re.sub(r"\s+([,;:])", r"\1", re.sub(r"\s+", " ", text))
    return re.sub(r",(?:\s*,)+", ",", text).strip(" ,")


def _content(math: ElementTree.Element) -> ElementTree.Element:
    """The formula itself, without KaTeX's annotation; names without their namespace."""
    for element in math.iter():
        element.tag = element.tag.rpartition("}")[2]
    semantics = math.find("semantics")
    return math[0] if semantics is None else semantics[0]


def _say(element: ElementTree.Element) -> str:
    return _SAY.get(element.tag, _row)(element)


def _flat(element: ElementTree.Element) -> list[ElementTree.Element]:
    """The parts of a row, those of rows and styles inside it among them."""
    found: list[ElementTree.Element] = []
    for child in element:
        if child.tag in ("mrow", "mstyle", "mpadded"):
            found += _flat(child)
        elif len(child) or _bare(child).strip("\u2061\u200b"):
            found.append(child)
    return found


def _row(element: ElementTree.Element) -> str:
    return _bars(_flat(element))


def _bars(parts: list[ElementTree.Element]) -> str:
    """Bars in pairs are a size or a norm; one alone is "given", two strokes alone "from"."""
    said: list[str] = []
    open_bar = ""
    bars = {index: BARS[_end(part)] for index, part in enumerate(parts) if _end(part) in BARS}
    for index, part in enumerate(parts):
        kind = bars.get(index, "")
        if not kind:
            said.append(_part(parts, index))
        elif open_bar == kind:
            said.append(_raised(f"end {kind},", part[1]) if len(part) == 2 else f"end {kind},")
            open_bar = ""
        elif not open_bar and kind in [bars[i] for i in bars if i > index] and _opens(parts, index):
            said.append(f"the {kind} of")
            open_bar = kind
        else:
            said.append("from" if kind == "norm" else "given")
    return " ".join(said)


def _opens(parts: list[ElementTree.Element], index: int) -> bool:
    """Whether a bar at ``index`` stands where something begins: first, after a sign, or after an operator."""
    before = parts[index - 1] if index else None
    return before is None or (before.tag == "mo" and _bare(before) not in CLOSE) or _operator(before) != ""


def _part(parts: list[ElementTree.Element], index: int) -> str:
    part, sign = parts[index], _bare(parts[index])
    before = parts[index - 1] if index else None
    if sign in OPEN and part.tag == "mo":
        if before is not None and (operator := _operator(before)):
            return "" if operator.endswith("of") else "of"
        if part.get("fence") and sign == "{" and [p.tag for p in parts[index + 1 :]] == ["mtable"]:
            return "in cases:"
        if before is None:
            return _bracket(parts, index)
        if _letter(before) in FUNCTIONS or _say(before) == "the normal law":
            return "of"
        if before.tag == "mfrac" and _letter(before) == "d":
            return "at"
        times = _end(before) in CLOSE or (before.tag != "mo" and _bare(before) not in SIGNS)
        return ("times " if times else "") + _bracket(parts, index)
    if _end(part) in CLOSE:
        return "," if part.tag == "mo" else _raised(", all", part[-1])
    if sign in ("⋅", "·") and (before is None or _end(before) in OPEN | {","} | set(BARS)):
        return "dot"
    if sign in ("−", "-") and (before is None or (before.tag == "mo" and _bare(before) not in CLOSE | {"!"})):
        return "minus"
    if sign == ":" and index + 1 < len(parts) and _bare(parts[index + 1]) == "=":
        return "is defined as"
    if sign == "=" and before is not None and _bare(before) == ":":
        return ""
    return _say(part)


def _bracket(parts: list[ElementTree.Element], index: int) -> str:
    """What a bracket that opens at ``index`` holds: a pair, an interval, the set [n], or a term."""
    depth, commas = 1, 0
    for part in parts[index + 1 :]:
        sign = _end(part)
        depth += (sign in OPEN) - (sign in CLOSE)
        if depth == 0:
            break
        commas += depth == 1 and sign == ","
    if _bare(parts[index]) == "{":
        return "the set of"
    if _bare(parts[index]) == "[":
        return "the interval" if commas else "bracket"
    if commas == 1 and index and _bare(parts[index - 1]) == "∈":
        return "the open interval"
    return ("the quantity", "the pair", "the triple")[commas] if commas < 3 else "the list"


def _bare(element: ElementTree.Element) -> str:
    """What a leaf shows; nothing for what has parts."""
    return (element.text or "").strip() if len(element) == 0 else ""


def _end(element: ElementTree.Element) -> str:
    """The sign of a part, a power of it too: the last bracket of (1 + x)² is ")"."""
    return _bare(element[0]) if element.tag in ("msup", "msub", "msubsup") else _bare(element)


def _letter(element: ElementTree.Element) -> str:
    """The letter that a name with indices, primes or accents is built on."""
    while len(element):
        element = element[0]
    return _bare(element)


def _operator(element: ElementTree.Element) -> str:
    """The words of an operator such as avg, indices or not; nothing for any other part."""
    base = element
    while base.tag in ("msub", "msup", "msubsup", "munder", "munderover", "mrow") and len(base):
        base = base[0]
    upright = base.tag == "mi" and (base.get("mathvariant") == "normal" or len(_bare(base)) > 1)
    return OPERATORS.get(_bare(base).replace("\u2009", " "), "") if upright else ""


def _leaf(element: ElementTree.Element) -> str:
    text = _bare(element)
    if named := ALPHABETS.get(element.get("mathvariant", ""), {}).get(text):
        return named
    if operator := _operator(element):
        return operator
    return SIGNS.get(text, GREEK.get(text, PAUSE.get(text, text)))


def _fraction(element: ElementTree.Element) -> str:
    top, bottom = element
    if named := FRACTIONS.get((_say(top), _say(bottom))):
        return named
    above, below = _say(top), _say(bottom)
    if len(above.split()) <= 2 and len(below.split()) <= 2:
        return f"{above} over {below}"
    return f"the fraction {above}, over {below}, end fraction,"


def _root(element: ElementTree.Element) -> str:
    inside = _bars(_flat(element))
    return f"the root of {inside}" + (", end root," if len(inside.split()) > 2 else "")


def _sub(element: ElementTree.Element) -> str:
    base, below = element
    return _indexed(base, below)


def _indexed(base: ElementTree.Element, below: ElementTree.Element) -> str:
    said = _say(base)
    if said in BY_INDEX:
        of = "" if said == "the expectation of" else "over "
        return f"{BY_INDEX[said]} {of or 'under '}{_say(below)}, of"
    index = _say(below)
    if base.tag == "munder" and len(base) == 2 and _bare(base[1]) == "⏟":
        return f"{_say(base[0])}, labelled {index},"
    return f"{said} {index}" if len(index.split()) == 1 and said != "W" else f"{said} sub {index},"


def _power(element: ElementTree.Element) -> str:
    base, above = element
    return _raised(_say(base), above)


def _raised(said: str, above: ElementTree.Element) -> str:
    signs = "".join(above.itertext()).strip()
    if signs and set(signs) <= {"′"}:
        return f"{said} {' '.join(['prime', 'double prime', 'triple prime'][len(signs) - 1 : len(signs)])}"
    if signs in ("∗", "*"):
        return f"{said} star"
    if signs in ("+", "−", "-"):
        return f"{said} {'plus' if signs == '+' else 'minus'}"
    if signs[:1] in ("′", "∗", "*"):
        rest = [part for part in _flat(above) if _bare(part) != signs[0]]
        return f"{said} {'prime' if signs[0] == '′' else 'star'}, to the {_bars(rest)},"
    if signs in ("⊤", "⊺"):
        return f"{said} transpose"
    if signs in ("2", "3"):
        return f"{said} {'squared' if signs == '2' else 'cubed'}"
    power = _say(above)
    return f"{said} to the {power}" + ("," if len(power.split()) > 1 else "")


def _both(element: ElementTree.Element) -> str:
    base, below, above = element
    said = _say(base)
    if said in BY_INDEX:
        return f"{BY_INDEX[said]} from {_say(below)}, to {_say(above)}, of"
    if said == "the integral of":
        return f"the integral from {_say(below)}, to {_say(above)}, of"
    if set("".join(above.itertext()).strip()) == {"′"}:
        return _indexed_after(_raised(said, above), below)
    return _raised(_indexed(base, below), above)


def _indexed_after(said: str, below: ElementTree.Element) -> str:
    index = _say(below)
    return f"{said} {index}" if len(index.split()) == 1 else f"{said} sub {index},"


def _over(element: ElementTree.Element) -> str:
    base, above = element
    accent = ACCENTS.get(_bare(above))
    return f"{_say(base)} {accent}" if accent else f"{_say(base)} with {_say(above)} above"


def _under(element: ElementTree.Element) -> str:
    base, below = element
    if _bare(below) in ("⏟", "‾", "_"):
        return _say(base) + ("" if _bare(below) == "⏟" else " underlined")
    return _indexed(base, below)


def _table(element: ElementTree.Element) -> str:
    cases = element.get("columnalign", "").startswith("left")
    wide = ", " if cases else " "
    rows = [wide.join(_say(cell) for cell in row if len(cell)) for row in element]
    return "; ".join(row.strip(" ,") for row in rows)


def _nothing(_: ElementTree.Element) -> str:
    return ""


_SAY = {
    "mi": _leaf, "mo": _leaf, "mn": _leaf, "mtext": _leaf, "mfrac": _fraction, "msqrt": _root, "msub": _sub,
    "msup": _power, "msubsup": _both, "munderover": _both, "munder": _under, "mover": _over, "mtable": _table,
    "mspace": _nothing, "mphantom": _nothing, "annotation": _nothing,
}  # fmt: skip
