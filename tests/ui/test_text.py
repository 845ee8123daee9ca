"""Numbers and sentences."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icicore.ui import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.629, "63 %"), (0.0, "0 %"), (1.0, "100 %"), (0.004, "<1 %"), (0.996, ">99 %")],
)
def test_percent(value: float | None, shown: str) -> None:
    assert text.percent(value) == shown.replace(" ", text.THIN)


def test_percent_with_digits() -> None:
    assert text.percent(0.0214, 1) == f"2.1{text.THIN}%"


def test_interval() -> None:
    assert text.interval((0.412, 0.796)) == f"41–80{text.THIN}%"
    assert text.interval(None) == "–"


@pytest.mark.parametrize(("value", "shown"), [(0.5, "+0.50"), (-0.5, "−0.50"), (-0.001, "0.00"), (None, "–")])
def test_signed(value: float | None, shown: str) -> None:
    assert text.signed(value) == shown


def test_number_uses_a_real_minus() -> None:
    assert text.number(-0.00012) == "−0.00012"
    assert text.number(0.0000012345) == "1.23e−06"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(5, "just now"), (61, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago"), (-5, "just now")],
)
def test_ago(seconds: int, shown: str) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert text.ago(now - timedelta(seconds=seconds), now) == shown
    assert text.ago((now - timedelta(seconds=seconds)).replace(tzinfo=None), now) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the slide is blurred", "The slide is blurred."),
        ("slide-1.svs: no pixel size", "slide-1.svs: no pixel size."),
        ("TMB is missing.", "TMB is missing."),
        ("", ""),
    ],
)
def test_sentence(message: str, shown: str) -> None:
    assert text.sentence(message) == shown


def test_count() -> None:
    assert text.count(1, "slide") == "1 slide"
    assert text.count(12345, "tile") == f"12{text.THIN}345 tiles"


def test_file_name_of_any_platform() -> None:
    assert text.file_name("/a/b.svs") == text.file_name("C:\\a\\b.svs") == "b.svs"


@given(st.text())
def test_plain_leaves_no_markup_active(message: str) -> None:
    plain = text.plain(message)
    for place, letter in enumerate(plain):
        if letter in "<>`*_[]:$#!":
            backslashes = len(plain[:place]) - len(plain[:place].rstrip("\\"))
            assert backslashes % 2 == 1, plain


@given(st.text())
def test_esc_leaves_no_tag_and_no_quote(message: str) -> None:
    assert not set("<>\"'") & set(text.esc(message))
