"""The tour points at each part, opens its panel, and leaves nothing behind; the presentation mode hides the menu."""

from typing import Any

from icicore.ui import session
from icicore.ui.tour import STEPS
from tests.pages.conftest import OpenPage, html_of

A = "a" * 16


def press(at: Any, key: str) -> None:
    at.button(key=key).click().run()
    assert not at.exception


def keys(at: Any) -> set[str]:
    return {b.key for b in at.button}


def test_without_asking_there_is_no_tour(open_page: OpenPage) -> None:
    assert "i-tour" not in html_of(open_page("case", case=A))


def test_every_step_points_at_a_part_and_opens_its_panel(open_page: OpenPage) -> None:
    at = open_page("case", case=A, tour="1")
    for number, step in enumerate(STEPS, start=1):
        page = html_of(at)
        assert f"Tour · {number} of {len(STEPS)}" in page and f"<h2>{step.title}</h2>" in page
        if step.panel:
            assert at.session_state[session.PANEL] == step.panel
        press(at, "tour_next")
    assert "i-tour" not in html_of(at) and "tour" not in at.query_params


def test_it_can_be_left_at_any_time_and_stays_away(open_page: OpenPage) -> None:
    at = open_page("case", case=A, tour="1")
    press(at, "tour_next")
    press(at, "tour_back")
    assert "Tour · 1 of" in html_of(at)
    press(at, "tour_end")
    at.run()
    assert "tour_next" not in keys(at)


def test_presentation_mode_hides_the_menu_until_it_is_ended(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    press(at, "present_start")
    assert keys(at) >= {"present_end"} and "present_start" not in keys(at)
    assert at.query_params["present"] in ("1", ["1"])
    press(at, "present_end")
    assert "present_start" in keys(at) and "present" not in at.query_params


def test_a_reload_keeps_the_presentation_mode(open_page: OpenPage) -> None:
    assert "present_end" in keys(open_page("case", case=A, present="1"))
