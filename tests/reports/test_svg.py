"""Figures: places are right, names are escaped, and every line can be told without colour."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from icicore.reports.numbers import estimate, interval, number, p_value
from icicore.reports.svg import DASHES, N_COLOURS, Axes, key


def test_data_lands_where_it_belongs():
    axes = Axes(200, 100, x=(0, 1), y=(0, 2), margin=(20, 20, 10, 30))
    assert (axes.px(0), axes.px(1), axes.px(0.5)) == (20, 180, 100)
    assert (axes.py(0), axes.py(2), axes.py(1)) == (70, 10, 40)


def test_a_figure_is_well_formed_and_escapes_names():
    axes = Axes(200, 100, x=(0, 1), y=(0, 1))
    axes.frame((0, 1), (0, 1), xlabel="a < b", ylabel="c & d")
    axes.line((0, 1), (0, 1), colour=1, title="<script>")
    axes.band((0, 1), (0, 0), (1, 1), colour=0)
    text = axes.svg('x "quoted"')
    assert "<script>" not in text
    ElementTree.fromstring(text)


def test_every_colour_has_its_own_dash():
    assert len(set(DASHES)) == N_COLOURS
    legend = key(["a", "b"], ["", "n 3"], colours=[0, 9])
    assert re.findall(r"line (c\d)", legend) == ["c0", "c1"]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(-0.004, 2), "0.00"),
        (number(-0.25, 2), "\N{MINUS SIGN}0.25"),
        (number(None), "\N{EN DASH}"),
        (interval([0.7, 0.81]), "0.70\N{EN DASH}0.81"),
        (interval([-0.1, 0.1]), "\N{MINUS SIGN}0.10 to 0.10"),
        (estimate({"value": 0.5, "interval95": None}), "0.50"),
        (estimate({"value": None, "interval95": None}), "\N{EN DASH}"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.0213), "0.021"),
        (p_value(0.4), "0.40"),
        (p_value(None), "\N{EN DASH}"),
    ],
)
def test_numbers_read_as_in_print(shown, expected):
    assert shown == expected
