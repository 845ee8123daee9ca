"""Hypothetical scores: the same as scoring the changed case anew, and never left anywhere."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.clinical.features import ClinicalScaler
from icicore.domain import MODALITIES
from icicore.errors import CaseError
from icicore.models.light import LightEnsemble
from icicore.workflows.cases import CaseResult, load_result, open_case
from icicore.workflows.explanation_folder import explain_to_folder
from icicore.workflows.inference import score_case
from icicore.workflows.services import bundle_ref
from icicore.workflows.whatif import INPUTS, Change, keep_inputs, open_what_if
from tests.factories import CONFIG, make_bundle, make_case


@pytest.fixture
def asked(tmp_path):
    """A small bundle, a case of it, and the question desk over both."""
    config = replace(CONFIG, scale_by_present=True, weigh_readable=True)
    bundle = make_bundle(tmp_path / "checkpoints" / "tiny-virtual", config=config)
    case = replace(make_case(np.random.default_rng(2)), readable=0.4)
    values = case.gene_values.clone()
    values[:6] = torch.tensor([1.0, 0, 1, 0, 0, 1])
    measured = case.gene_measured.clone()
    measured[:6] = True
    case = replace(case, gene_values=values, gene_measured=measured)
    folder = tmp_path / "result"
    keep_inputs(folder, bundle, case)
    ref = bundle_ref(tmp_path / "checkpoints", "tiny-virtual")
    prediction = {"case_id": "case", "logit": bundle.score(case).logit}
    result = CaseResult(prediction=prediction, folder=folder, slides=(), bundle_digest=ref.digest)
    return bundle, case, result, ref, LightEnsemble.load(ref.folder, ref.spec)


def desk_of(asked):
    _, _, result, ref, model = asked
    return open_what_if(result, ref, model)


def assert_same(found, expected):
    assert found.logit == pytest.approx(expected.logit, abs=1e-5)
    assert found.interval95 == pytest.approx(expected.interval95, abs=1e-5)
    for modality, weight in expected.modality_weights.items():
        assert (weight is None) == (found.modality_weights[modality] is None)
        assert weight is None or found.modality_weights[modality] == pytest.approx(weight, abs=1e-5)


@pytest.mark.parametrize("gone", [(), ("histology",), ("genomics", "clinical"), MODALITIES], ids="+".join)
def test_without_modalities_is_the_score_of_the_case_without_them(asked, gone):
    bundle, case, *_ = asked
    assert_same(desk_of(asked).ask(Change(without=frozenset(gone))), bundle.score(case.without(*gone)))


def test_a_gene_set_to_wild_type_is_the_score_of_that_case(asked):
    bundle, case, *_ = asked
    desk = desk_of(asked)
    assert desk.mutated() == ("G0", "G2", "G5")
    values = case.gene_values.clone()
    values[[0, 5]] = 0.0
    expected = bundle.score(replace(case, gene_values=values))
    assert expected.logit != bundle.score(case).logit
    assert_same(desk.ask(Change(wild_type=frozenset({"G0", "G5"}))), expected)


def test_other_clinical_values_are_scaled_as_the_model_does(asked):
    bundle, case, *_ = asked
    scaler: ClinicalScaler = bundle.spec.clinical_scaler
    values, measured = case.clinical_values.clone(), case.clinical_measured.clone()
    values[2] = float((3 - scaler.mean[2]) / scaler.scale[2])
    values[3] = float((np.log2(2.5) - scaler.mean[3]) / scaler.scale[3])
    measured[3] = True  # LDH was not known before
    expected = bundle.score(replace(case, clinical_values=values, clinical_measured=measured))
    assert_same(desk_of(asked).ask(Change(clinical={"ecog": 3, "ldh_uln": 2.5})), expected)


def test_clinical_values_come_back_unscaled(asked):
    _, case, *_ = asked
    found = desk_of(asked).clinical()
    assert set(found) == {"age", "sex", "ecog"}
    assert found["age"] == pytest.approx(float(case.clinical_values[0]) * 10 + 60, rel=1e-5)


def test_asking_leaves_no_trace(asked):
    *_, result, _, _ = asked
    before = {p: p.read_bytes() for p in result.folder.rglob("*") if p.is_file()}
    desk = desk_of(asked)
    real = desk.real
    desk.ask(Change(without=frozenset({"histology"}), wild_type=frozenset({"G0"}), clinical={"ecog": 0}))
    assert desk.ask(Change()) == real
    assert {p: p.read_bytes() for p in result.folder.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda r: (r.folder / INPUTS).unlink(), "before its inputs were kept"),
        (lambda r: (r.folder / INPUTS).write_bytes(b"12345678"), "cannot be read"),
        (lambda r: r.prediction.update(logit=9.0), "do not give the score of its result"),
    ],
)
def test_inputs_that_do_not_belong_are_refused_in_one_line(asked, harm, message):
    _, _, result, ref, model = asked
    harm(result)
    with pytest.raises(CaseError, match=message) as caught:
        open_what_if(result, ref, model)
    assert "score the case again" in str(caught.value) and "\n" not in str(caught.value)


def test_another_state_of_the_bundle_is_refused(asked):
    _, _, result, ref, model = asked
    with pytest.raises(CaseError, match="another state of the model"):
        open_what_if(result, replace(ref, digest="0" * 64), model)


def test_a_scored_case_can_be_asked_and_gives_its_own_subsets(services, virtual_case):
    row = open_case(services, virtual_case)
    prediction = score_case(services, row.case_key)
    result = load_result(services, row.case_key)
    ref = services.bundle_ref()
    desk = open_what_if(result, ref, LightEnsemble.load(ref.folder, ref.spec))
    assert desk.real.probability == pytest.approx(prediction["probability"], abs=1e-5)
    for name, logit in prediction["modality_subsets"].items():
        kept = name.split("+") if name != "none" else []
        found = desk.ask(Change(without=frozenset(m for m in MODALITIES if m not in kept)))
        assert found.logit == pytest.approx(logit, abs=1e-4)
    mutated = {g["symbol"] for g in prediction["genes"] if g["kind"] == "mutation" and g["value"]}
    assert set(desk.mutated()) == mutated
    clinical = json.loads((virtual_case / "case.json").read_text())["clinical"]
    assert desk.clinical()["ldh_uln"] == pytest.approx(clinical["ldh_uln"], rel=1e-4)


def test_kept_inputs_never_leave_with_an_export(services, virtual_case, tmp_path):
    explain_to_folder(services, virtual_case, tmp_path / "export")
    names = {p.name for p in (tmp_path / "export").rglob("*")}
    assert "prediction.json" in names and INPUTS not in names
    exported = json.loads((tmp_path / "export" / "prediction.json").read_text())
    assert not any("hypothetical" in key or "what_if" in key for key in exported)


def test_a_value_that_the_model_never_learnt_changes_nothing(asked):
    *_, model = asked
    scaler = replace(ClinicalScaler.from_json(model.spec["clinical_scaler"]), seen=np.array([True, True, True, False]))
    model.spec = {**model.spec, "clinical_scaler": scaler.to_json()}
    desk = desk_of(asked)
    assert desk.learnt() == {"age", "sex", "ecog"}
    assert desk.ask(Change(clinical={"ldh_uln": 4.0})).logit == pytest.approx(desk.real.logit)
