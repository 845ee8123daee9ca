"""Champion and challenger on the same held-out patients: what may be promoted, and what may not."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.errors import BundleError, InputError
from icicore.jobs import comparison
from icicore.jobs.long_handlers import LONG_HANDLERS
from icicore.jobs.runner import carry_out
from icicore.models.bundle import load_bundle
from icicore.store.jobs import SUCCEEDED
from icicore.training.config import TrainConfig
from icicore.training.leakage import case_hash
from icicore.training.train import train_on
from icicore.workflows.evaluation.faithfulness import FaithfulnessLimits
from icicore.workflows.registry import promote, register_candidate
from icicore.workflows.registry_compare import ComparisonSpec, compare_on
from icicore.workflows.registry_comparison import allowed, read_comparison
from icicore.workflows.registry_entries import find_registered
from icicore.workflows.registry_patients import fair_patients
from tests.factories import make_study, shuffled
from tests.workflows.evaluation.conftest import untrained, virtual_study
from tests.workflows.registry_world import build_world

CONFIG = TrainConfig(
    members=1, epochs=5, learning_rate=3e-3, comparisons=(), bootstrap=20, device="cpu", patience=5, arms_first=False
)
SPEC = ComparisonSpec(bootstrap=200, faithfulness=FaithfulnessLimits(patients=3, steps=4))


@pytest.fixture(scope="module")
def study():
    return make_study(320)


@pytest.fixture(scope="module")
def champion(study, tmp_path_factory):
    return train_on(study, tmp_path_factory.mktemp("trained") / "champion", CONFIG)


def check(found, code):
    return next(c for c in found["checks"] if c["code"] == code)


def with_cohort(bundle, **changes):
    """The bundle as if it said something else about its patients."""
    return replace(bundle, spec=replace(bundle.spec, cohort=bundle.spec.cohort | changes))


def hashes(study, rows, salt="s"):
    return [case_hash(salt, study.patients[i]) for i in rows]


def cohort(study, train=(), val=(), test=()):
    return {"salt": "s", "case_hashes": {"train": hashes(study, train), "val": hashes(study, val),
                                         "test": hashes(study, test)}}  # fmt: skip


def test_an_equal_challenger_is_offered_and_told_with_n_and_intervals(study, champion, tmp_path):
    challenger = train_on(study, tmp_path / "challenger", CONFIG.model_copy(update={"learning_rate": 2e-3}))
    found = compare_on(study, challenger, champion, spec=SPEC)
    assert allowed(found), found["checks"]
    assert found["n"] == challenger.spec.cohort["n"]["test"] == found["pair"]["n"]
    low, high = found["pair"]["interval95"]
    assert low <= found["pair"]["auc_difference"] <= high and 0 <= found["pair"]["delong_p"] <= 1
    assert {c["code"] for c in found["checks"]} == {"enough", "leak", "chance", "auc", "calibration"}
    assert set(found["faithfulness"]) == {"challenger", "champion"}
    assert found["faithfulness"]["challenger"]["genes"]["n"] == 3
    losses = [row["auc_difference"] for row in found["subgroup_losses"]]
    assert losses == sorted(losses) and found["worst_loss"] == found["subgroup_losses"][0]
    own = next(r for r in found["subgroup_losses"] if r["group"] == "melanoma")
    assert own["n"] == sum(study.tumour_types[i] == "melanoma" for i in fair_rows(study, challenger, champion))


def fair_rows(study, challenger, champion):
    return fair_patients(study, challenger.spec.cohort, champion.spec.cohort).rows


def test_a_challenger_trained_on_shuffled_labels_is_not_offered(study, champion, tmp_path):
    confused = shuffled(study, 3)
    challenger = train_on(confused, tmp_path / "confused", CONFIG)
    # Its own split of these patients, so that it is tested on the true labels and neither trained on nor leaked.
    honest = with_cohort(challenger, **champion.spec.cohort)
    found = compare_on(study, honest, champion, spec=SPEC)
    assert check(found, "enough")["passed"] and check(found, "leak")["passed"]
    assert not check(found, "chance")["passed"] and not check(found, "auc")["passed"]
    assert not allowed(found)


def test_shuffled_labels_of_the_whole_study_leave_nothing_better_than_chance(study, champion, tmp_path):
    confused = shuffled(study, 4)
    challenger = train_on(confused, tmp_path / "confused", CONFIG)
    found = compare_on(confused, challenger, with_cohort(champion, case_hashes={"train": [], "val": [], "test": []}),
                       spec=SPEC)  # fmt: skip
    assert not check(found, "chance")["passed"]
    assert not allowed(found)


def test_a_challenger_that_saw_test_patients_of_the_champion_is_not_offered(study, champion):
    rows = {
        part: [i for i, p in enumerate(parts_of(study, champion)) if p == part] for part in ("train", "val", "test")
    }
    taken, rest = rows["test"][:3], rows["test"][3:]
    leaky = with_cohort(champion, **cohort(study, [*rows["train"], *taken], rows["val"], rest))
    found = compare_on(study, leaky, champion, spec=SPEC)
    assert found["leaked"] == [study.patients[i] for i in taken]
    assert not check(found, "leak")["passed"]
    assert all(study.patients[i] in check(found, "leak")["text"] for i in taken)
    assert not allowed(found)


def parts_of(study, bundle):
    from icicore.training.leakage import part_of

    return part_of(bundle.spec.cohort, study.patients)


def test_a_badly_calibrated_challenger_is_not_offered(study, champion):
    calibration = replace(champion.spec.calibration, intercept=champion.spec.calibration.intercept + 2.5)
    over = replace(champion, spec=replace(champion.spec, calibration=calibration))
    found = compare_on(study, over, champion, spec=SPEC)
    assert check(found, "auc")["passed"], "the ranking is the same"
    assert found["calibration_difference"]["interval95"][0] > 0
    assert not check(found, "calibration")["passed"] and not allowed(found)


def test_with_too_few_fair_patients_nothing_is_measured(study, champion):
    found = compare_on(study, with_cohort(champion, **cohort(study, range(100), (), range(100, 130))), champion,
                       spec=SPEC)  # fmt: skip
    assert found["n"] <= 30 and "pair" not in found
    assert not check(found, "enough")["passed"] and not allowed(found)


def test_every_patient_that_either_was_trained_or_tuned_on_is_left_out(study):
    first = cohort(study, range(10), range(10, 20), range(20, 60))
    second = cohort(study, range(20, 25), range(25, 30), range(30, 40))
    found = fair_patients(study, first, second)
    assert list(found.rows) == list(range(30, 60))
    assert (found.tested, found.leaked, found.unknown) == (40, (), 0)


def test_a_patient_under_another_name_is_known_by_the_slide(study):
    digests = tuple((f"slide-{i}",) for i in range(len(study)))
    named = replace(study, slide_digests=digests)
    first = cohort(study, range(10), (), range(20, 60))
    second = {"salt": "t", "case_hashes": {"train": [case_hash("t", "someone else")]}} | {
        "slide_hashes": {"train": [case_hash("t", "slide-20")], "test": [case_hash("t", "slide-3")]}
    }
    found = fair_patients(named, first, second)
    assert 20 not in found.rows and len(found.rows) == 39
    assert found.leaked == ("P003",)


def test_training_patients_that_the_study_lacks_leave_the_leak_open(study, champion):
    known = champion.spec.cohort["case_hashes"]
    odd = with_cohort(champion, case_hashes=known | {"train": [*known["train"], "0123456789abcdef"]})
    found = compare_on(study, odd, champion, spec=replace(SPEC, bootstrap=100))
    assert "1 of its training patients are not in this study" in check(found, "leak")["text"]
    assert not allowed(found)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A shipped bundle and a candidate, both untrained, on a study folder."""
    from icicore.training.splits import split_patients
    from icicore.training.study import read_study

    root = tmp_path_factory.mktemp("compare")
    services = build_world(root)
    folder = virtual_study(services.settings.studies_dir / "virtual_c9")
    study = read_study(folder)
    split = split_patients(study.patients, study.strata, rng=np.random.default_rng(0), fractions=(0.3, 0.1, 0.6))
    untrained(root / "checkpoints" / "shipped-virtual", study, split, kind="multimodal", name="shipped-virtual")
    made = untrained(services.settings.bundles_dir / "new-virtual", study, split, kind="clinical", name="new-virtual")
    register_candidate(services, made.folder, study="virtual_c9")
    yield services
    services.database.close()


def run_long(services, job_id: str) -> None:
    """What the process of a long job does."""
    assert services.jobs.start(job_id, "here")
    carry_out(services, services.jobs.get(job_id), LONG_HANDLERS, runner="here")


def test_the_job_leaves_its_result_beside_the_candidate(home):
    job = comparison.submit_comparison(home, "new-virtual")
    assert comparison.submit_comparison(home, "new-virtual").job_id == job.job_id, "one comparison at a time"
    run_long(home, job.job_id)
    ended = home.jobs.get(job.job_id)
    assert (ended.state, ended.error) == (SUCCEEDED, None)
    listed = find_registered(home, "new-virtual")
    shipped = find_registered(home, "shipped-virtual")
    found = read_comparison(home, listed.ref, shipped.row)
    assert found["challenger"]["name"] == "new-virtual" and found["n"] >= 40
    assert not allowed(found), "an untrained candidate knows nothing"
    assert listed.row.state == "refused" and "chance" in listed.row.reason
    with pytest.raises(BundleError, match="cannot be promoted"):
        promote(home, "new-virtual", reason="why not")
    assert load_bundle(listed.ref.folder).digest == listed.row.digest, "the bundle itself is as it was"


def test_a_study_outside_the_allowed_folders_is_refused_before_the_job(home, tmp_path):
    (tmp_path / "data_clinical_patient.txt").write_text("PATIENT_ID\n")
    with pytest.raises(InputError, match=r"outside|not allowed"):
        comparison.submit_comparison(home, "new-virtual", study=tmp_path)


def test_the_promoted_bundle_is_not_compared_with_itself(home):
    job = home.jobs.create(comparison.COMPARE, parameters={"bundle": "shipped-virtual"})
    run_long(home, job.job_id)
    assert "is the promoted bundle" in home.jobs.get(job.job_id).error
