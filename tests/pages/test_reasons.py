"""Answer, proof, findings and what if on the case page."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from icicore.ui import session
from tests.pages.conftest import OpenPage, html_of
from tests.pages.fake_results import FakeAsked, FakeBackend

A, NO_SLIDE = "a" * 16, "d" * 16
MARKUP = "<script>alert(1)</script>"
THIN = "\u202f"


def button(at: Any, label: str) -> Any:
    return next(b for b in at.button if label in b.label)


def test_simpler_scores_stand_beside_the_answer_with_n(open_page: OpenPage) -> None:
    page = html_of(open_page("case", case=A))
    assert f"base rate 38{THIN}% of 868 training patients" in page
    assert "14.2 mutations/Mb" in page and f"<b>47{THIN}%</b>" in page and "n 853" in page
    assert 'class="i-rail"' in page and "left:47.0%" in page
    assert "not known: no expression of CD274" in page
    assert "not known of the training patients: not on this scale" in page  # LORIS has no place, and says so


def test_a_score_that_was_not_fitted_stands_on_its_percentile_and_says_so(
    open_page: OpenPage, desk: FakeBackend
) -> None:
    result = desk.results[A]
    places = {"tmb": {"percentile": 78.0, "n": 853, "rate": None}, "pdl1": None, "loris": None}
    desk.results[A] = replace(result, prediction=result.prediction | {"comparator_places": places})
    page = html_of(open_page("case", case=A))
    assert "78th percentile of 853 training patients" in page and "own scale" in page
    assert "i-rail i-own" in page and "left:78.0%" in page


def test_it_says_what_the_model_beats_and_what_it_does_not(open_page: OpenPage, desk: FakeBackend) -> None:
    page = html_of(open_page("case", case=A))
    assert "The model does not beat LORIS on its test set" in page and "0.02 (−0.05 to 0.09), n 240" in page
    assert "better than TMB: AUC 0.88 (0.83–0.93)" in page
    desk.proved = None
    assert "test set" not in html_of(open_page("case", case=A))


def test_one_click_opens_the_proof(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    assert "Patients like this one" not in html_of(at)
    button(at, "Proof on 248 test patients").click().run()
    assert not at.exception
    page = html_of(at)
    assert "Reliability diagram" in page and "data:image/svg+xml;base64," in page
    assert f"This patient's 63{THIN}%: of 26 test patients" in page
    assert "ECE <b>0.043</b>" in page and "n 245" in page
    assert "melanoma (tumour type)" in page and "50 to 64 (age)" in page and "female (sex)" in page
    assert "nsclc (tumour type)" not in page
    assert "no difference shown" in page and "model better" in page
    assert "virtual patients" in page


def test_without_a_proof_it_says_how_to_make_one(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.proved = None
    at = open_page("case", case=A)
    button(at, "Proof").click().run()
    assert "write\\-card" in at.info[0].value


def test_findings_are_in_words_with_percentile_and_n(open_page: OpenPage) -> None:
    page = html_of(open_page("case", case=A))
    assert f"high, 91st percentile of 835 training patients · 1{THIN}840 lymphocytes/mm²" in page
    assert f"mutated: p.F354L (missense) · as in 12{THIN}% of 843 training patients" in page
    assert "high, 91st percentile of 843 training patients" in page
    assert "<b>Weight</b>" in page and "<b>contribution</b>" in page


def test_a_result_from_before_says_how_to_get_percentiles(open_page: OpenPage, desk: FakeBackend) -> None:
    result = desk.results[A]
    old = copy.deepcopy(result.prediction)
    for key in ("training", "clinical", "measures", "comparator_places"):
        del old[key]
    for gene in old["genes"]:
        for key in ("percentile", "share", "n", "attention_range", "changes"):
            gene.pop(key, None)
    desk.results[A] = replace(result, prediction=old)
    for panel in ("Why", "Genes", "Clinical"):
        at = open_page("case", state={session.PANEL: panel}, case=A)
        assert not at.exception
    page = html_of(open_page("case", case=A))
    assert "Percentiles appear when the case is scored again." in page
    assert "no training patients kept with this result: not on this scale" in page
    assert "percentile of" not in page


def test_the_gene_table_has_change_percentile_and_range(open_page: OpenPage) -> None:
    at = open_page("case", state={session.PANEL: "Genes"}, case=A)
    at.text_input(key=session.GENE_SEARCH).set_value("f354l stk11").run()
    row = at.dataframe[0].value.iloc[0]
    assert row["symbol"] == "STK11" and row["change"] == "p.F354L (missense)"
    assert row["spread"] == "0.0001–0.0042" and row["share"] == pytest.approx(0.12)
    at.text_input(key=session.GENE_SEARCH).set_value("cxcl9").run()
    assert at.dataframe[0].value.iloc[0]["percentile"] == 91.0


def test_a_clinical_value_that_changed_since_is_named(open_page: OpenPage, desk: FakeBackend) -> None:
    assert desk.values is not None
    desk.values = replace(desk.values, ecog=3)
    page = html_of(open_page("case", state={session.PANEL: "Clinical"}, case=A))
    assert "holds other values now than when the case was scored: ECOG performance status." in page


def what_if(open_page: OpenPage) -> Any:
    return open_page("case", state={session.PANEL: "What if"}, case=A)


def box(at: Any, label: str) -> Any:
    return next(c for c in at.checkbox if c.label == label)


def test_what_if_begins_with_the_real_result_and_is_marked(open_page: OpenPage) -> None:
    page = html_of(what_if(open_page))
    assert "Hypothetical" in page and "Nothing is changed yet" in page
    assert page.count("i-point i-ghost") == 1


def test_a_change_moves_the_score_and_the_real_one_stays_as_outline(open_page: OpenPage) -> None:
    at = what_if(open_page)
    box(at, "Histology").uncheck().run()
    page = html_of(at)
    assert "If: histology left out" in page
    assert f"63{THIN}% → <b>53{THIN}%</b> (−10 points)" in page
    assert f"still at or above the threshold of 35{THIN}%" in page
    assert 'i-point i-ghost" title="real result" style="left:62.9' in page
    assert "left out" in page
    at.button_group(key=next(g.key for g in at.button_group if "ecog" in str(g.key))).set_value(3).run()
    page = html_of(at)
    assert "ECOG 3 instead of 1" in page and f"<b>43{THIN}%</b> (−20 points)" in page


def test_a_gene_and_an_unmeasured_value_can_be_changed_and_reset(open_page: OpenPage) -> None:
    at = what_if(open_page)
    genes = next(g for g in at.button_group if "genes" in str(g.key))
    genes.set_value(["B2M"]).run()
    at.number_input[0].set_value(2.5).run()
    page = html_of(at)
    assert "STK11 wild type; LDH 2.5 × ULN" in page
    button(at, "Reset").click().run()
    assert "Nothing is changed yet" in html_of(at)


def test_genes_cannot_be_changed_in_a_case_without_genomics(open_page: OpenPage) -> None:
    at = what_if(open_page)
    box(at, "Genomics").uncheck().run()
    assert next(g for g in at.button_group if "genes" in str(g.key)).disabled
    page = html_of(at)
    assert "If: genomics left out" in page and "wild type" not in page.split("If: ")[1].split("</p>")[0]


def test_nothing_hypothetical_is_handed_to_the_backend(open_page: OpenPage, desk: FakeBackend) -> None:
    before = json.dumps(desk.results[A].prediction)
    at = what_if(open_page)
    box(at, "Clinical").uncheck().run()
    assert desk.calls == [] and json.dumps(desk.results[A].prediction) == before
    assert f"63{THIN}%" in html_of(at).split("Simpler scores")[0]  # the answer above stays the real one


def test_a_case_that_cannot_be_asked_says_so_in_one_line(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.refuses_questions = f"was scored before {MARKUP}"
    at = what_if(open_page)
    assert "score the case again" in at.info[0].value
    button(at, "Score again").click().run()
    assert desk.calls == [("submit", A)]
    assert "\\<script\\>" in at.info[0].value  # escaped for the Markdown renderer


def test_markup_in_places_is_text(open_page: OpenPage, desk: FakeBackend) -> None:
    result = desk.results[A]
    evil = json.loads(json.dumps(result.prediction))
    for gene in evil["genes"]:
        if gene["symbol"] == "STK11":
            gene["changes"] = [{"protein": MARKUP, "class": MARKUP, "vaf": None}]
    evil["measures"][0]["unit"] = MARKUP
    evil["clinical"][1]["value"] = MARKUP
    desk.results[A] = replace(result, prediction=evil)
    assert desk.proved is not None
    desk.proved |= {"study": MARKUP, "endpoint": MARKUP}
    for panel in ("Why", "Genes", "Clinical"):
        at = open_page("case", state={session.PANEL: panel}, case=A)
        button(at, "Proof").click().run()
        page = html_of(at)
        assert "<script" not in page and "&lt;script&gt;" in page


def test_a_value_that_the_model_never_learnt_cannot_be_changed(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeAsked, "learnt", lambda self: frozenset({"age", "sex"}))
    at = what_if(open_page)
    ldh, ecog = at.number_input[0], next(g for g in at.button_group if "ecog" in str(g.key))
    assert ldh.label == "LDH, × ULN (not learnt)" and ldh.disabled
    assert ecog.label == "ECOG performance status (not learnt)" and ecog.disabled
