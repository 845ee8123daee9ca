"""Bundles: what is saved comes back, and what is not a bundle is refused in one line."""

import json
import pickle

import numpy as np
import pytest
import torch
from scipy import stats

from icicore.errors import BundleError, InputError
from icicore.models.bundle import list_bundles, load_bundle
from icicore.models.inputs import CaseInputs
from icicore.models.scoring import member_interval
from tests.factories import make_bundle, make_case


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "tiny-virtual")


@pytest.fixture
def case():
    return make_case(np.random.default_rng(1))


def test_a_loaded_bundle_scores_like_the_saved_one(bundle, case):
    again = load_bundle(bundle.folder)
    first, second = bundle.score(case), again.score(case)
    assert first.member_logits == second.member_logits
    assert again.digest == bundle.digest
    assert again.spec.to_json() == bundle.spec.to_json()
    assert again.card == "# tiny\n"
    assert sorted(p.name for p in bundle.folder.iterdir()) == ["bundle.json", "card.md", "weights.safetensors"]


def test_the_score_is_calibrated_and_its_interval_is_students_t(bundle, case):
    score = bundle.score(case)
    raw = float(score.output.logit[0])
    assert score.logit == pytest.approx(1.7 * raw - 0.4, abs=1e-6)
    members = np.array(score.member_logits)
    half = stats.t(df=2).ppf(0.975) * members.std(ddof=1)
    expected = [1 / (1 + np.exp(-v)) for v in (members.mean() - half, members.mean() + half)]
    assert score.interval95 == pytest.approx(expected, abs=1e-9)
    assert score.interval95[0] < score.probability < score.interval95[1]


def test_modality_weights_are_none_where_absent(bundle, case):
    weights = bundle.score(case.without("genomics")).modality_weights
    assert weights["genomics"] is None
    assert weights["histology"] + weights["clinical"] == pytest.approx(1)


def test_nothing_known_gives_the_training_prevalence(bundle):
    score = bundle.score(CaseInputs("empty"))
    assert score.logit == pytest.approx(bundle.spec.base_logit)
    assert set(score.modality_weights.values()) == {None}


def test_one_member_says_nothing_about_its_error():
    assert member_interval([0.3]) == (0.0, 1.0)


def test_nan_in_a_present_value_is_refused(bundle, case):
    case.tiles[0, 0] = torch.nan
    with pytest.raises(InputError, match="NaN or infinity"):
        bundle.score(case)


def test_wrong_width_is_refused(bundle):
    with pytest.raises(BundleError, match="2048 tile embeddings; expected 16"):
        bundle.score(CaseInputs("wide", tiles=torch.zeros(2, 2048)))


def _edit(folder, **changes):
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 99}, "newer than this program"),
        ({"schema": None}, "states no schema"),
        ({"threshold": 0.1}, "was changed after it was written"),
        ({"extra": 1}, "key 'extra' is unknown"),
        ({"seal": None}, "carries no seal"),
        ({"model": {"depth": 4}}, "unknown key 'depth'"),
        ({"token_scaler": 3}, "cannot be read"),
        ({"clinical_scaler": {"mean": [0.0] * 4, "scale": [1.0] * 4, "unseen": [4]}}, "cannot be read"),
        ({"clinical_scaler": {"mean": [0.0] * 4, "scale": [1.0] * 4, "unseen": ["LDH"]}}, "cannot be read"),
        ({"clinical_scaler": {"mean": [0.0] * 4, "scale": [1.0] * 4, "unseen": [10**30]}}, "cannot be read"),
    ],
)
def test_a_changed_specification_is_refused(bundle, changes, message):
    _edit(bundle.folder, **changes)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(bundle.folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["bundle.json", "weights.safetensors"])
def test_a_missing_or_truncated_file_is_refused(bundle, name):
    path = bundle.folder / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError):
        load_bundle(bundle.folder)
    path.unlink()
    with pytest.raises(BundleError, match="is missing"):
        load_bundle(bundle.folder)


def test_one_flipped_bit_in_the_weights_is_refused(bundle):
    path = bundle.folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match="is not the file that bundle.json describes"):
        load_bundle(bundle.folder)


class _Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_a_pickle_is_named_and_never_loaded(bundle, name):
    (bundle.folder / "weights.safetensors").unlink()
    (bundle.folder / name).write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(BundleError, match="pickled checkpoint"):
        load_bundle(bundle.folder)


def test_a_failed_save_leaves_the_old_bundle(bundle, monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    before = bundle.digest
    monkeypatch.setattr("icicore.models.bundle.write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        make_bundle(bundle.folder)
    assert load_bundle(bundle.folder).digest == before
    assert [p.name for p in bundle.folder.parent.iterdir()] == [bundle.folder.name]


def test_listing_names_good_and_bad_bundles(bundle):
    (bundle.folder.parent / "broken").mkdir()
    found = {info.name: info for info in list_bundles(bundle.folder.parent)}
    assert found["tiny-virtual"].spec.threshold == 0.37
    assert found["broken"].spec is None
    assert "missing" in found["broken"].problem
    assert list_bundles(bundle.folder / "nowhere") == []
