"""The page shows what the report holds, leaves out what it lacks, and runs nothing that a name might carry."""

import re
from html.parser import HTMLParser

import pytest

from icicore.reports.page import evaluation_page
from tests.reports.make_report import make_report

VOID = {"meta", "br", "link", "img", "hr", "line", "rect", "circle", "polyline", "polygon", "path"}


class _Balance(HTMLParser):
    """Every tag that opens closes again."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report():
    return make_report()


def test_the_page_is_well_formed(report):
    parser = _Balance()
    parser.feed(evaluation_page(report))
    assert parser.open == []


def test_every_model_stands_with_value_interval_and_n(report):
    text = evaluation_page(report)
    for model in report["models"]:
        low, high = model["auc_roc"]["interval95"]
        assert f"{model['auc_roc']['value']:.3f}<small>{low:.3f}\N{EN DASH}{high:.3f}</small>" in text
    assert "<td>110</td>" in text  # patients with a TMB


def test_theirs_are_labelled_and_stand_below_ours(report):
    rows = re.findall(r'<tr class="(ours[^"]*|theirs)">(.*?)</tr>', evaluation_page(report), re.S)
    kinds = [kind.split()[0] for kind, _ in rows]
    assert kinds == ["ours", "theirs", "ours", "theirs", "ours"]
    assert "0.86" in rows[1][1]
    assert "reference paper, its cohort" in rows[1][1]


def test_names_are_shown_and_never_run(report):
    text = evaluation_page(make_report(study="<script>alert(1)</script>"))
    assert "<script>" not in text
    assert "&lt;b&gt;one&lt;/b&gt;" in text


def test_a_real_study_has_no_oracle_no_planted_column_and_no_virtual_mark():
    text = evaluation_page(make_report(virtual=False))
    for word in ("oracle", "planted", "Virtual data"):
        assert word not in text
    assert "Against the oracle" in evaluation_page(make_report())


def test_what_was_not_measured_has_no_section(report):
    text = evaluation_page(report)
    assert "Attention fusion against concatenation" not in text
    assert "Faithfulness" not in text
