"""A figure of the page as a file: complete XML with its own style and legend."""

from xml.etree import ElementTree

import pytest

from icicore.reports.figures import roc_figure
from icicore.reports.standalone import ROW, curve_legend, standalone
from tests.reports.make_report import make_report


def test_a_figure_becomes_a_file_with_style_and_legend():
    report = make_report()
    names = [m["name"] for m in report["models"]]
    legend = curve_legend(report, names, "auc_roc")
    svg = standalone(roc_figure(report, names), legend)
    root = ElementTree.fromstring(svg)
    assert root.get("viewBox") == f"0 0 520 {470 + ROW * len(names) + 8}"
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[-2:] == [names[-1], legend[-1][1]]
    assert "prefers-color-scheme: dark" in svg
    assert f"{report['models'][0]['auc_roc']['value']:.2f}" in legend[0][1]


def test_what_is_no_figure_is_refused():
    with pytest.raises(ValueError, match="states no size"):
        standalone("<svg></svg>")
