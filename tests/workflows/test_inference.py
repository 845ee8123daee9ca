"""From a case folder to prediction.json and the result folder, with the shipped bundle on a small virtual case."""

import itertools
import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from icicore.domain import MODALITIES, NOT_LEARNT
from icicore.errors import Cancelled, CaseError, GenomicsError, InputError, SlideError
from icicore.models.tile_classes import TILE_CLASSES, load_tile_head
from icicore.workflows.casefolder import read_case
from icicore.workflows.cases import list_cases, load_result, open_case
from icicore.workflows.evidence import gather, readable_tiles
from icicore.workflows.explanation_folder import explain_to_folder
from icicore.workflows.inference import score_case
from icicore.workflows.predictions import predict_case

DROPS = [d for n in (1, 2) for d in itertools.combinations(MODALITIES, n)]


@pytest.fixture(scope="session")
def prediction(services, virtual_case):
    return predict_case(services, virtual_case)


def test_a_virtual_case_is_scored_with_everything_that_the_contract_names(prediction, virtual_case):
    record = json.loads((virtual_case / "case.json").read_text())
    assert prediction["schema"] == 1
    assert prediction["case_id"] == record["case_id"]
    assert prediction["status"] == "scored", prediction["reasons"]
    low, high = prediction["interval95"]
    assert 0 <= low < prediction["probability"] < high <= 1
    doubtful = low < prediction["threshold"] <= high
    above = prediction["probability"] >= prediction["threshold"]
    assert prediction["call"] == (None if doubtful else "likely responder" if above else "unlikely responder")
    assert doubtful == ("uncertain" in [r["code"] for r in prediction["reasons"]])
    assert prediction["slides"][0]["n_tiles"] > 30
    assert prediction["comparators"]["tmb"] > 0
    assert prediction["comparators"]["pdl1"] > 0
    assert prediction["comparators"]["loris"] is None
    assert {"torch", "openslide-bin", "icicore"} <= set(prediction["versions"])
    json.dumps(prediction, allow_nan=False)


def test_weights_sum_to_one_and_shapley_values_to_the_logit(prediction):
    assert math.isclose(sum(prediction["modality_weights"].values()), 1, abs_tol=1e-5)
    total = sum(prediction["modality_contributions"].values())
    assert math.isclose(total, prediction["logit"] - prediction["base_logit"], abs_tol=1e-6)
    assert math.isclose(prediction["probability"], 1 / (1 + math.exp(-prediction["logit"])), rel_tol=1e-6)


def test_the_readable_share_of_the_slides_is_said_and_is_that_of_training(services, virtual_case, prediction):
    model = services.bundle(services.bundle_ref())
    evidence = gather(services, read_case(virtual_case), model)
    head = load_tile_head(evidence.slides[0].bag.encoder_id)
    seen = np.concatenate([head(slide.bag.embeddings).tile_class for slide in evidence.slides])
    spoiled = np.isin([TILE_CLASSES[k] for k in seen], ["necrosis", "artefact"])
    assert model.spec.model.weigh_readable
    assert prediction["readable_tiles"] == pytest.approx(1 - spoiled.mean())
    assert evidence.inputs.readable == prediction["readable_tiles"]


def test_the_readable_share_counts_the_tiles_of_all_slides_and_is_whole_where_nobody_can_tell():
    def slide(*names: str) -> SimpleNamespace:
        return SimpleNamespace(
            measures=SimpleNamespace(tile_class=np.array([TILE_CLASSES.index(n) for n in names], np.float32))
        )

    good, bad = slide("tumour", "stroma", "necrosis"), slide("artefact", "necrosis", "necrosis", "fat", "lymphocytes")
    assert readable_tiles([good]) == pytest.approx(2 / 3)
    assert readable_tiles([good, bad]) == pytest.approx(4 / 8)
    assert readable_tiles([good, SimpleNamespace(measures=None)]) == 1.0


def test_every_gene_token_is_listed_with_its_attention(prediction):
    genes = prediction["genes"]
    assert len(genes) > 1500
    assert {g["kind"] for g in genes} == {"mutation", "tmb", "expression"}
    assert math.isclose(sum(g["attention"] for g in genes), 1, abs_tol=1e-4)
    assert all(g["attention"] == 0 and g["value"] is None for g in genes if not g["measured"])


@pytest.mark.parametrize("drop", DROPS, ids="+".join)
def test_any_modality_and_any_pair_may_be_left_out(services, virtual_case, prediction, drop):
    partial = predict_case(services, virtual_case, drop=drop)
    kept = [m for m in MODALITIES if m not in drop]
    weights = partial["modality_weights"]
    assert all(weights[m] is None and partial["modality_contributions"][m] is None for m in drop)
    assert math.isclose(sum(weights[m] for m in kept), 1, abs_tol=1e-5)
    expected = prediction["modality_subsets"]["+".join(kept)]
    assert math.isclose(partial["logit"], expected, abs_tol=1e-5), "the subset's score must be that of dropping"


def test_the_same_case_twice_gives_the_same_numbers_without_embedding_again(services, virtual_case, prediction):
    steps = []
    again = predict_case(services, virtual_case, progress=lambda *step: steps.append(step))
    assert again == prediction
    assert steps == []


def test_a_changed_input_is_scored_anew(services, case_copy):
    folder = case_copy(clinical={"age": 60, "sex": "F", "ecog": 0, "ldh_uln": 0.8})
    first = predict_case(services, folder)
    assert first["modality_weights"]["histology"] is None
    path = folder / "case.json"
    path.write_text(path.read_text().replace('"ldh_uln": 0.8', '"ldh_uln": 4.0'))
    second = predict_case(services, folder)
    assert second["files"]["case.json"] != first["files"]["case.json"]
    assert second["logit"] != first["logit"], "the prediction of the old values was returned"


def test_a_real_case_under_a_virtual_bundle_is_limited_and_gets_no_call(services, case_copy):
    real = predict_case(services, case_copy(virtual=False))
    assert real["status"] == "limited"
    assert real["call"] is None
    assert "virtual_training" in [r["code"] for r in real["reasons"]]


def test_another_patients_mutations_are_refused(services, case_copy):
    with pytest.raises(GenomicsError, match="barcode"):
        predict_case(services, case_copy(case_id="SOMEBODY-ELSE"))


def test_a_broken_slide_stops_the_case_and_can_be_dropped_by_choice(services, case_copy):
    folder = case_copy()
    (folder / "slides").mkdir()
    (folder / "slides" / "x.svs").write_bytes(b"")
    with pytest.raises(SlideError, match=r"x\.svs"):
        predict_case(services, folder)
    assert predict_case(services, folder, drop=["histology"])["modality_weights"]["genomics"] > 0


def test_nothing_left_and_unknown_modalities_are_refused(services, virtual_case):
    with pytest.raises(CaseError, match="nothing is left"):
        predict_case(services, virtual_case, drop=MODALITIES)
    with pytest.raises(InputError, match="no modality"):
        predict_case(services, virtual_case, drop=["urine"])


def test_the_result_folder_holds_what_the_viewer_reads(services, virtual_case):
    row = open_case(services, virtual_case)
    score_case(services, row.case_key)
    row = next(r for r in list_cases(services) if r.case_key == row.case_key)
    assert row.state == "scored"
    result = load_result(services, row.case_key)
    (slide,) = result.slides
    folder = result.folder / "slides" / slide["id"]
    tiles = json.loads((folder / "tiles.json").read_text())
    grid = np.load(folder / "attention.f32.npy")
    assert grid.shape == (slide["rows"], slide["cols"])
    painted = grid[tiles["row"], tiles["col"]]
    np.testing.assert_allclose(painted, tiles["attention"], rtol=1e-4)
    assert np.isfinite(grid).sum() == tiles["n"]
    cam = np.load(folder / "gradcam.f32.npy")
    assert cam.shape == (slide["rows"] * 8, slide["cols"] * 8)
    assert np.nanmin(cam) >= 0
    assert np.nanmax(cam) > 0
    assert (folder / "sheet_000.jpg").stat().st_size > 1000
    contributions = np.load(folder / "contribution.f32.npy")
    assert np.nanmin(contributions) < 0 < np.nanmax(contributions)


def test_explain_writes_files_for_other_programs(services, virtual_case, tmp_path):
    out = tmp_path / "explanation"
    explain_to_folder(services, virtual_case, out)
    names = {p.name for p in out.rglob("*") if p.is_file()}
    assert {"prediction.json", "genes.csv", "features.csv", "layers.json", "tiles.geojson", "attention.png"} <= names
    assert {"gradcam.png", "contribution.png", "top_tile_01.png", "bottom_tile_08.png"} <= names
    geojson = json.loads(next(out.rglob("tiles.geojson")).read_text())
    layers = json.loads(next(out.rglob("layers.json")).read_text())
    first = geojson["features"][0]["geometry"]["coordinates"][0]
    assert first[0] == first[-1]
    assert math.isclose(first[1][0] - first[0][0], layers["tile_l0"], abs_tol=0.01)


def test_after_a_cancelled_run_the_case_can_be_scored(services, case_copy, virtual_case):
    folder = case_copy(mpp={"s.tif": 0.49})  # another pixel size: other tiles, so nothing is cached
    (folder / "slides").mkdir()
    source = next((virtual_case / "slides").iterdir())
    (folder / "slides" / "s.tif").symlink_to(source)

    def stop(done: int, total: int, what: str) -> None:
        if done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        predict_case(services, folder, progress=stop)
    assert predict_case(services, folder)["status"] in ("scored", "limited")


def test_what_no_training_patient_had_is_not_used_and_named(services, virtual_case):
    bundle = services.bundle(services.bundle_ref())
    kinds = np.array(bundle.spec.token_kinds)
    spec = replace(
        bundle.spec,
        token_scaler=replace(bundle.spec.token_scaler, seen=kinds == "mutation"),
        clinical_scaler=replace(bundle.spec.clinical_scaler, seen=np.array([True, True, False, False])),
    )
    case = read_case(virtual_case)
    found, before = (gather(services, case, b, drop=["histology"]) for b in (replace(bundle, spec=spec), bundle))
    said = [r.message for r in found.reasons if r.code == NOT_LEARNT]
    n = int(before.inputs.gene_measured[kinds == "expression"].sum())
    nobody = "no training patient of this model had it"
    assert said == [
        f"TMB is not used: {nobody}",
        f"expression of {n} genes is not used: {nobody}",
        "ECOG and LDH are not used: no training patient of this model had them",
    ]
    assert not found.inputs.gene_measured[kinds != "mutation"].any()
    assert torch.equal(
        found.inputs.gene_measured[kinds == "mutation"], before.inputs.gene_measured[kinds == "mutation"]
    )
    assert found.inputs.clinical_measured.tolist() == [*before.inputs.clinical_measured.tolist()[:2], False, False]
    assert NOT_LEARNT not in {r.code for r in before.reasons}


def test_slides_are_not_used_by_a_model_that_was_trained_without_any(services, virtual_case):
    bundle = services.bundle(services.bundle_ref())
    found = gather(services, read_case(virtual_case), replace(bundle, spec=replace(bundle.spec, backbone="")))
    assert found.inputs.tiles is None and not found.slides
    assert [r.message for r in found.reasons if r.code == NOT_LEARNT] == [
        "slides are not used: no training patient of this model had any"
    ]
