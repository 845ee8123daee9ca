"""Charts: right places, right words, nothing unescaped."""

import math
import re

import pandas as pd
import pytest

from icicore.ui import charts
from icicore.ui.findings import findings_chart
from icicore.ui.genes import pathway_sums
from icicore.ui.pathway_rows import pathway_rows
from icicore.ui.text import percent
from icicore.ui.why import readable_note

PREDICTION = {
    "probability": 0.62,
    "interval95": [0.41, 0.8],
    "calibrated": True,
    "threshold": 0.35,
    "base_logit": 0.0,
    "call": "likely responder",
    "modality_weights": {"histology": 0.6, "genomics": None, "clinical": 0.4},
    "modality_contributions": {"histology": 0.7, "genomics": None, "clinical": -0.2},
    "modality_subsets": {"none": 0.0, "histology": 0.9, "clinical": -0.1, "histology+clinical": 0.5},
}
EVIL = '"><script>alert(1)</script>'


def test_scale_puts_marks_at_their_per_cent() -> None:
    html = charts.probability_scale(PREDICTION)
    assert 'class="i-point" style="left:62.00%"' in html
    assert 'class="i-band" style="left:41.00%;width:39.00%"' in html
    assert 'i-tick-threshold" style="left:35.00%"' in html
    assert 'i-tick-base" style="left:50.00%"' in html


@pytest.mark.parametrize(("base", "shown"), [(0.0, True), (-3.0, False)])
def test_the_end_of_the_axis_makes_room_for_a_label(base: float, shown: bool) -> None:
    html = charts.probability_scale(PREDICTION | {"base_logit": base})
    assert ('class="i-end" style="left:0"' in html) == shown


def test_scale_does_without_threshold_and_base_rate() -> None:
    html = charts.probability_scale({"probability": 0.5, "interval95": None})
    assert "i-tick" not in html


def test_no_call_says_why() -> None:
    html = charts.answer_card(PREDICTION | {"call": None}, no_call=EVIL)
    assert "No call" in html and "<script" not in html


def test_modalities_show_weight_contribution_and_absence() -> None:
    html = charts.modality_table(PREDICTION)
    assert "not given" in html
    assert percent(0.6) in html and "+0.70" in html and "−0.20" in html
    right, left = re.search(r"left:50%;width:([\d.]+)%", html), re.search(r"right:50%;width:([\d.]+)%", html)
    assert right and left
    assert float(right[1]) / float(left[1]) == pytest.approx(0.7 / 0.2, abs=0.01)  # bars share one scale


def test_probability_without_each_modality() -> None:
    without = charts.without_each(PREDICTION)
    assert set(without) == {"histology", "clinical"}
    assert without["histology"] == pytest.approx(1 / (1 + math.exp(0.1)))
    assert charts.without_each(PREDICTION | {"modality_subsets": None}) == {}


def test_balance_is_shown_only_when_it_adds_up() -> None:
    sums = PREDICTION | {"probability": 1 / (1 + math.exp(-0.5))}
    assert "= <b>+0.50</b> logit" in charts.balance_line(sums)
    assert charts.balance_line(sums | {"probability": 0.9}) == ""
    assert charts.balance_line(sums | {"base_logit": None}) == ""


@pytest.mark.parametrize(
    ("largest", "limit"), [(0, 1), (0.013, 0.02), (0.2, 0.2), (0.21, 0.5), (7, 10), (math.nan, 1), (1000, 1000)]
)
def test_nice_limit(largest: float, limit: float) -> None:
    assert charts.nice_limit(largest) == pytest.approx(limit)


def test_names_from_files_are_escaped_everywhere() -> None:
    gene = {
        "symbol": EVIL, "kind": EVIL, "state": EVIL, "value": 1.0, "attention": 0.1, "attribution": 0.2,
        "pathway": EVIL, "pathways": EVIL,
    }  # fmt: skip
    frame = pd.DataFrame([gene])
    sums = pd.DataFrame([{"pathway": EVIL, "attribution": 0.2, "n": 1}])
    feature = {"modality": EVIL, "name": EVIL, "importance": 0.1}
    made = [
        charts.gene_chart(frame, [EVIL]),
        pathway_rows(frame, sums),
        findings_chart([feature], {}),
        charts.facts([(EVIL, EVIL)]),
        charts.quality_bars([(EVIL, 0.1)]),
    ]
    assert all("<script" not in html and '"&gt;' not in html for html in made)


def test_empty_charts_draw_nothing_and_do_not_fail() -> None:
    empty = pd.DataFrame(columns=["attribution", "pathway", "n"])
    assert "i-for" not in charts.gene_chart(empty, [])
    assert "i-for" not in pathway_rows(empty, empty)


def test_a_pathway_opens_into_its_own_measured_genes() -> None:
    def gene(symbol: str, pathway: str, attribution: float, state: str = "measured") -> dict[str, object]:
        words = {"kind": "RNA", "state": state, "pathway": pathway, "pathways": pathway, "change": ""}
        numbers = {"value": 1.0, "attention": 0.1, "attribution": attribution, "percentile": 91.0, "n": 843.0}
        return {"symbol": symbol, **words, **numbers, "spread": "0.0001-0.0042"}

    table = pd.DataFrame(
        [
            gene("CXCL9", "Chemokines", 0.3),
            gene("TP53", "Cell cycle", -0.2),
            gene("CXCL10", "Chemokines", math.nan, "not measured"),
        ]
    )
    html = pathway_rows(table, pathway_sums(table))
    first, second = html.split("</details>")[:2]
    assert "Chemokines" in first and "CXCL9" in first and "RNA 91st pctl" in first and "0.0001-0.0042" in first
    assert "1 of 2" in first and "CXCL10" not in first
    assert "TP53" in second and "TP53" not in first


def test_the_readable_share_is_said_where_the_model_weighs_by_it() -> None:
    assert readable_note(PREDICTION) == ""
    assert readable_note(PREDICTION | {"readable_tiles": None}) == ""
    said = readable_note(PREDICTION | {"readable_tiles": 0.62})
    assert percent(0.62) in said
    assert "neither necrosis nor artefact" in said
