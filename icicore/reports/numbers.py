"""Numbers as readers expect them: fixed digits, intervals with an en dash, p-values, missing as a dash."""

from icicore.types import Json

DASH = "\N{EN DASH}"
BUILT_IN = (
    "The fusion is told the share of the tiles that can be read, so the direction for histology is built in; how far "
    "the weights move, and what that does to the score, is measured."
)
"""Said of modality weights against tissue quality, where a model weighs slides by what can be read of them."""


def number(value: float | None, digits: int = 2) -> str:
    """A number with fixed digits and a real minus sign; a dash where there is none."""
    if value is None:
        return DASH
    text = f"{value:.{digits}f}"
    text = text.lstrip("-") if float(text) == 0 else text
    return text.replace("-", "\N{MINUS SIGN}")


def interval(bounds: list[float] | None, digits: int = 2) -> str:
    """``0.76–0.86``; ``to`` instead of the dash where a bound is negative."""
    if bounds is None:
        return ""
    low, high = (number(b, digits) for b in bounds)
    return f"{low} to {high}" if bounds[0] < 0 or bounds[1] < 0 else f"{low}{DASH}{high}"


def estimate(content: Json | None, digits: int = 2) -> str:
    """Value with its interval in brackets."""
    if content is None or content["value"] is None:
        return DASH
    bounds = interval(content["interval95"], digits)
    return number(content["value"], digits) + (f" ({bounds})" if bounds else "")


def p_value(p: float | None) -> str:
    """Two digits, three below 0.01, and ``< 0.001`` beyond that."""
    if p is None:
        return DASH
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def percent(share: float | None) -> str:
    """Whole percent."""
    return DASH if share is None else f"{100 * share:.0f} %"


def ece_of_chance(found: Json) -> str:
    """What to say behind an ECE: how much of it is chance; nothing in reports of earlier versions."""
    chance, debiased = found.get("ece_if_calibrated"), found.get("ece_debiased")
    if chance is None:
        return ""
    low, high = chance["interval95"]
    less = "" if debiased is None else f"{number(debiased, 3)} with the bias of few patients removed; "
    return f" ({less}a perfectly calibrated model: {number(low, 3)} to {number(high, 3)} with as many patients)"
