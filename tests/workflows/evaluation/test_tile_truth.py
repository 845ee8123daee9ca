"""Planted tissue is recovered from the seed, and only when the cohort is really that one."""

import shutil

import numpy as np
import pandas as pd
import pytest

from icicore.simulate.bank import plan_layout
from icicore.workflows.evaluation.scoring import CohortScorer, scaled_cases
from icicore.workflows.evaluation.tile_truth import MARGIN, planted_tiles
from icicore.workflows.evaluation.truth import read_truth
from icicore.workflows.simulation import draw_patients
from tests.workflows.evaluation.conftest import N

ROWS = np.arange(12, dtype=np.int32)


@pytest.fixture(scope="module")
def planted_study(world):
    """The study with tiles that lie where the simulator planted tissue, and show nothing but whether it is margin."""
    from dataclasses import replace

    patients = {p.patient_id: p for p in draw_patients(N, seed=5)}
    rng = np.random.default_rng(0)
    tiles, index = world.study.tiles.copy(), world.study.tile_index.copy()
    for row in ROWS:
        own = slice(*world.study.offsets[row : row + 2].tolist())
        if own.stop > own.start:
            layout = plan_layout(patients[world.study.patients[row]].slide_spec).tile_class
            margin, rest = np.argwhere(layout == MARGIN), np.argwhere((layout >= 0) & (layout != MARGIN))
            n = own.stop - own.start
            chosen = np.concatenate([margin[: n // 2], rng.permutation(rest)])[:n]
            index[own] = chosen
            tiles[own] = np.where(layout[chosen[:, 0], chosen[:, 1]] == MARGIN, 3, -3)[:, None] + rng.normal(
                size=(n, 8)
            )
    return replace(world.study, tiles=tiles, tile_index=index)


def measure(study, folder, bundle):
    truth = read_truth(folder, [study.patients[i] for i in ROWS])
    scorer = CohortScorer(bundle, scaled_cases(study, bundle, ROWS))
    rng = np.random.default_rng(0)
    return planted_tiles(
        scorer, study, ROWS, folder=folder, truth=truth, rng=rng, progress=lambda done, total, what: None
    )


def test_tiles_that_show_what_was_planted_are_told_apart(planted_study, world, multimodal):
    found = measure(planted_study, world.folder, multimodal)
    assert found["attention"]["n"] >= 3
    # An untrained model attends at random, but alike to all margin tiles: it separates them one way or the other.
    assert abs(found["attention"]["value"] - 0.5) > 0.1


def test_a_cohort_that_the_seed_does_not_give_is_not_judged(planted_study, world, multimodal, tmp_path):
    shutil.copytree(world.folder / "truth", tmp_path / "truth")
    path = tmp_path / "truth" / "truth.tsv"
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    table["oracle_probability"] = table["oracle_probability"].astype(float) * 0.9
    table.to_csv(path, sep="\t", index=False)
    assert measure(planted_study, tmp_path, multimodal) is None
