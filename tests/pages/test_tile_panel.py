"""The tile under inspection: the closed form at once, the library's map when the worker has it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from icicore.fingerprint import write_json
from icicore.ui import session, tile_maps
from icicore.workflows.cohort_neighbours import CohortLikeness, CohortTile
from icicore.workflows.tile_cams import cam_path
from tests.pages.conftest import OpenPage, html_of
from tests.pages.fake_results import FakeBackend

A, SLIDE, MARKUP = "a" * 16, "1" * 16, "<script>alert(1)</script>"
CLOSED, LIBRARY = "Grad-CAM by closed form (8 × 8 values)", "Grad-CAM by pytorch-grad-cam (256 × 256 px)"


def selected(tile: int) -> dict[str, Any]:
    return {session.SELECTED_TILE: {"case": A, "slide": SLIDE, "index": tile}, session.PANEL: "Tile"}


def finish(desk: FakeBackend, tile: int) -> None:
    """Write what the worker would, and end its job."""
    path = cam_path(desk.results[A], SLIDE, tile)
    path.parent.mkdir(parents=True, exist_ok=True)
    meaning = {"method": "pytorch-grad-cam", "members": 5, "range": [0.0, 0.0123]}
    write_json(path.with_name(f"{SLIDE}-{tile}.json"), meaning)
    np.save(path, np.full((256, 256), 0.0123, np.float32))
    if f"tile-{tile}" in desk.jobs:
        end(desk, tile, state="succeeded")


def end(desk: FakeBackend, tile: int, **changes: Any) -> None:
    desk.jobs[f"tile-{tile}"] = replace(desk.jobs[f"tile-{tile}"], **changes)


@pytest.fixture(autouse=True)
def no_maps(desk: FakeBackend) -> Iterator[None]:
    yield
    shutil.rmtree(desk.results[A].folder / "tile_cams", ignore_errors=True)


def asked(desk: FakeBackend) -> list[str]:
    return [what for kind, what in desk.calls if kind == "tile"]


def test_the_closed_form_shows_at_once_and_the_map_replaces_it(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("case", state=selected(42), case=A)
    page = html_of(at)
    assert CLOSED in page and "mean of all members" in page and tile_maps.FOLLOWS in page
    assert asked(desk) == [f"{SLIDE} 42"]
    assert not any(b.label == "Cancel" for b in at.button), "a click on a tile is no job to be watched"
    at.run()
    assert asked(desk) == [f"{SLIDE} 42"], "a rerun asks for nothing new"
    finish(desk, 42)
    page = html_of(at.run())
    assert LIBRARY in page and "mean of 5 members" in page and "0.012" in page
    assert "closed form" not in page and tile_maps.FOLLOWS not in page


def test_a_map_that_is_there_is_shown_without_asking(open_page: OpenPage, desk: FakeBackend) -> None:
    finish(desk, 7)
    assert LIBRARY in html_of(open_page("case", state=selected(7), case=A))
    assert asked(desk) == []


def test_another_tile_is_asked_for_and_the_first_again(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("case", state=selected(1), case=A)
    for tile in (2, 1):
        at.session_state[session.SELECTED_TILE] = selected(tile)[session.SELECTED_TILE]
        at.run()
    assert asked(desk) == [f"{SLIDE} {tile}" for tile in (1, 2, 1)]


def test_a_failure_is_told_and_not_tried_again(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("case", state=selected(3), case=A)
    end(desk, 3, state="failed", error=MARKUP)
    page = html_of(at.run())
    assert CLOSED in page and "pytorch-grad-cam did not run: &lt;script&gt;" in page
    at.run()
    assert asked(desk) == [f"{SLIDE} 3"]


def test_a_worker_that_is_off_is_not_waited_for(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("case", state=selected(4), case=A)
    end(desk, 4, created=datetime.now(UTC) - timedelta(minutes=5))
    page = html_of(at.run())
    assert CLOSED in page and tile_maps.NOT_YET in page
    finish(desk, 4)
    assert LIBRARY in html_of(at.run()), "it shows when it comes after all"


def test_a_case_that_gives_no_map_keeps_the_closed_form(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.refuses_tiles = "has no result"
    page = html_of(open_page("case", state=selected(5), case=A))
    assert CLOSED in page and "did not run" in page and "has no result" in page


def test_no_map_is_asked_for_while_another_panel_is_shown(open_page: OpenPage, desk: FakeBackend) -> None:
    open_page("case", state=selected(6) | {session.PANEL: "Why"}, case=A)
    assert asked(desk) == []


def test_a_score_on_other_inputs_has_other_maps(open_page: OpenPage, desk: FakeBackend) -> None:
    finish(desk, 8)
    result = desk.results[A]
    desk.results[A] = replace(result, prediction=result.prediction | {"logit": 9.0})
    assert CLOSED in html_of(open_page("case", state=selected(8), case=A))


def test_the_tile_stands_beside_itself_as_the_encoder_saw_it_with_what_looks_like_it(open_page: OpenPage) -> None:
    at = open_page("case", state=selected(1), case=A)
    page = html_of(at)
    assert "/normalised/" in page and "Not stain-normalised" in page
    assert "tumour 80" in page and "stroma 15" in page and "fat" not in page.split("Class probability")[1][:80]
    assert "Most alike of 299 tiles in this case" in page and "carries no tiles of its training patients" in page
    alike = [b for b in at.button if str(b.key).startswith("alike_")]
    assert [b.label for b in alike] == ["0.10", "0.20", "0.30"]
    alike[2].click().run()
    assert at.session_state[session.SELECTED_TILE]["index"] == 2 and at.session_state[session.FLY_TO]["index"] == 2


def test_reference_tiles_stand_beside_with_class_site_outcome_and_distance(
    open_page: OpenPage, desk: FakeBackend
) -> None:
    tiles = (
        CohortTile(b"\xff\xd8\xff1", "tumour", MARKUP, responder=True, cosine=0.93),
        CohortTile(b"\xff\xd8\xff2", "stroma", "site2", responder=False, cosine=0.9),
    )
    desk.reference_tiles = CohortLikeness(tiles, 512, 300, 0.5, 128.0)
    page = html_of(open_page("case", state=selected(1), case=A))
    cohort = page.split("of the training cohort")[1]
    assert "Most alike of 512 reference tiles" in page and "1 of 2 are from responders" in cohort
    assert cohort.index("Responder") < cohort.index("Non-responder") and "0.07" in cohort and "0.10" in cohort
    assert "stroma, site2" in cohort and "data:image/jpeg;base64," in cohort and "no probability" in cohort
    assert MARKUP not in page and "&lt;script&gt;" in cohort
    desk.reference_tiles = "tiles.json: cannot be read; run icicore bundle tiles again"
    assert "cannot be read" in html_of(open_page("case", state=selected(1), case=A))


def test_without_embeddings_it_says_what_to_do(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.no_embeddings = True
    page = html_of(open_page("case", state=selected(1), case=A))
    assert "not kept any more" in page and "score the case again" in page and "/normalised/" not in page
