"""A colour means the same in the still pictures, whose style says which, and in the live figures."""

import re
from colorsys import rgb_to_hls

import pytest
from matplotlib.colors import to_hex, to_rgb

from chapters.source import ROOT
from mibook import plotting

CSS = "mibook/live/js/figure.css"
MEANINGS = {
    "joint": plotting.JOINT,
    "reference": plotting.REFERENCE,
    "estimate": plotting.ESTIMATE,
    "held": plotting.HELD_OUT,
}
THEMES = [dict(re.findall(r"--live-(\w+): (#\w+);", rule)) for rule in (ROOT / CSS).read_text().split("}")[:2]]


def hue(colour: str) -> float:
    """The hue in degrees."""
    return 360 * rgb_to_hls(*to_rgb(colour))[0]


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
@pytest.mark.parametrize("meaning", MEANINGS)
def test_live_figures_show_a_meaning_in_the_hue_of_the_still_pictures(meaning, theme):
    turned = (hue(theme[meaning]) - hue(MEANINGS[meaning]) + 180) % 360 - 180
    assert abs(turned) < 8, f"{CSS}: --live-{meaning} has another hue than {plotting.STYLE.name} gives it"


@pytest.mark.parametrize("meaning", ["joint", "reference"])
def test_data_and_reference_have_the_very_colour_of_the_still_pictures(meaning):
    found, due = THEMES[0][meaning], to_hex(MEANINGS[meaning])
    assert found == due, f"{CSS}: --live-{meaning} is {found}, but {plotting.STYLE.name} says {due}"
