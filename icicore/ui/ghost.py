"""A hypothetical score beside the real one: the real one stays visible as an outline. Pure functions that give HTML."""

from icicore.domain import MODALITIES
from icicore.types import Json
from icicore.ui.charts import base_rate, tick
from icicore.ui.text import DASH, MINUS, MODALITY_NAMES, esc, interval, percent

_ARROW = "\N{RIGHTWARDS ARROW}"
_SAME = 0.005


def hypothetical_card(real: Json, asked: Json, changes: list[str]) -> str:
    """The hypothetical answer, marked as such.

    Parameters
    ----------
    real : content of prediction.json
    asked : ``probability``, ``interval95`` and ``modality_weights`` of the changed case
    changes : what was changed, plain text; empty when nothing was
    """
    before, after = float(real["probability"]), float(asked["probability"])
    lead = f"If: {esc('; '.join(changes))}" if changes else "Nothing is changed yet: this is the real result."
    moved = f'<span class="i-shift">{shift_words(before, after)}<small>{side_words(real, before, after)}</small></span>'
    return (
        '<div class="i-card i-hypothetical" role="status"><div class="i-hypo-head">Hypothetical</div>'
        f'<p class="i-lead">{lead}</p>'
        f'<div class="i-figure"><span class="i-big">{percent(after)}</span>'
        f'<span class="i-beside">95 % interval<br><b>{interval(asked["interval95"])}</b></span>'
        f"{moved}</div>"
        f"{ghost_scale(real, asked)}{ghost_weights(real, asked)}</div>"
    )


def shift_words(before: float, after: float) -> str:
    """``86 % to 62 %, 24 points lower``; HTML."""
    points = 100 * (after - before)
    if abs(points) < 100 * _SAME:
        return f"as the real result, <b>{percent(before)}</b>"
    sign = "+" if points > 0 else MINUS
    return f"{percent(before)} {_ARROW} <b>{percent(after)}</b> ({sign}{abs(points):.0f} points)"


def side_words(real: Json, before: float, after: float) -> str:
    """Whether the threshold was crossed."""
    threshold = real.get("threshold")
    if threshold is None:
        return ""
    was, now = before >= threshold, after >= threshold
    side = "at or above" if now else "below"
    return f"{'still' if was == now else 'now'} {side} the threshold of {percent(threshold)}"


def ghost_scale(real: Json, asked: Json) -> str:
    """The scale of the answer with the hypothetical score on it and the real one as an outline."""
    low, high = asked["interval95"]
    before, after = float(real["probability"]), float(asked["probability"])
    real_low, real_high = real.get("interval95") or (before, before)
    threshold, base = real.get("threshold"), base_rate(real)
    spoken = f"Hypothetical probability {percent(after)}, interval {interval((low, high))}; real {percent(before)}"
    parts = [f'<div class="i-scale i-ghosted" role="img" aria-label="{esc(spoken)}"><div class="i-track"></div>']
    parts.append(f'<div class="i-band i-hypo" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></div>')
    real_width = 100 * (real_high - real_low)
    parts.append(f'<div class="i-band i-ghost" style="left:{100 * real_low:.2f}%;width:{real_width:.2f}%"></div>')
    if base is not None:
        parts.append(tick("base", base, f"base rate {percent(base)}"))
    if threshold is not None:
        parts.append(tick("threshold", float(threshold), f"threshold {percent(threshold)}"))
    left, width = min(before, after), abs(after - before)
    parts.append(f'<div class="i-move" style="left:{100 * left:.2f}%;width:{100 * width:.2f}%"></div>')
    parts.append(f'<div class="i-point i-ghost" title="real result" style="left:{100 * before:.2f}%"></div>')
    parts.append(f'<div class="i-point" title="hypothetical" style="left:{100 * after:.2f}%"></div>')
    return "".join(parts) + "</div>"


def ghost_weights(real: Json, asked: Json) -> str:
    """Fusion weights of the hypothetical case; the outline is the real weight."""
    rows = []
    before, after = real.get("modality_weights") or {}, asked["modality_weights"]
    for modality in MODALITIES:
        was, now = before.get(modality), after.get(modality)
        if was is None and now is None:
            continue
        dot = f'<i class="i-dot" style="background:var(--i-{modality})"></i>'
        ghost = "" if was is None else f'<u style="width:{100 * was:.1f}%"></u>'
        fill = "" if now is None else f'<i style="width:{100 * now:.1f}%;background:var(--i-{modality})"></i>'
        words = f"{percent(was)} {_ARROW} <b>{'left out' if now is None else percent(now)}</b>"
        if was is not None and now is not None and abs(was - now) < _SAME:
            words = f"<b>{percent(now)}</b>"
        rows.append(
            f'<div class="i-weight"><span class="i-name">{dot}{MODALITY_NAMES[modality]}</span>'
            f'<span class="i-bar">{fill}{ghost}</span><span class="i-right">{words or DASH}</span></div>'
        )
    key = '<span class="i-dim">Fusion weight</span>'
    return f'<div class="i-weights"><div class="i-head">{key}</div>{"".join(rows)}</div>'
