"""Curves of a training as HTML and SVG, drawn here: four charts of a chart library cost the browser 0.1 s a visit.

The SVG is stretched to its place, so strokes keep their width by ``vector-effect`` (style sheet) and a point is a line
of no length with round ends. Labels are HTML at per cent of the same place. (`icicore.reports.svg` draws figures of one
size, for paper; these fill columns of any width, with text of one size and a height that is known beforehand.)
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import streamlit as st

from icicore.training.journal import RunLog
from icicore.types import Json
from icicore.ui.text import esc, number
from icicore.ui.theme import PATHWAY_COLOURS
from icicore.ui.training_progress import lines_of

_DASHES = ("", "7 4", "2 3", "7 3 2 3", "12 4")
_CSS = ("solid", "dashed", "dotted", "dashed", "dashed")
TITLES: Mapping[str, str] = {
    "train_loss": "Training loss (all heads)",
    "loss": "Selection loss (balanced classes)",
    "auc": "AUC-ROC on selection patients",
    "rate": "Learning rate",
}
_KEPT = ("loss", "auc")
_MARGIN = 0.06
"""Share of the height above the greatest and below the least value."""
_MOST_TICKS = 6
_MOST_DOTS = 1000
"""With more values than these in one chart the lines alone are drawn: the points would hide them."""
Points: TypeAlias = Sequence[tuple[int, float]]
"""Epochs from 1 with their values."""

_SCRIPT = """
const put = (parent, name, kind, words = '') => {
  const made = parent.appendChild(document.createElement(name));
  made.className = kind; made.textContent = words;
  return made;
};

/* The values of the epoch under the pointer; after every look again, so they stay and are the newest. */
function tell(host) {
  host.querySelectorAll('.i-at, .i-tell').forEach(old => old.remove());
  const { last, values } = host.data, { chart, share } = host.pointed ?? {};
  const area = host.querySelectorAll('.i-area')[chart];
  if (!area) return;
  const epoch = Math.min(last, Math.max(1, Math.round(1 + share * (last - 1))));
  const known = values[chart].filter(line => epoch in line.at);
  if (!known.length) return;
  const left = 100 * (epoch - 1) / (last - 1), box = put(area, 'div', left > 50 ? 'i-tell i-before' : 'i-tell');
  put(area, 'i', 'i-at').style.left = box.style.left = `${left}%`;
  put(box, 'b', '', `epoch ${epoch}`);
  for (const line of known) {
    const row = put(box, 'span', '');
    put(row, 'i', '').style.background = line.colour;
    row.append(`${line.name}: ${line.at[epoch]}`);
  }
}

export default function ({ data, parentElement }) {
  let host = parentElement.querySelector('.i-curves-host');
  if (!host) {
    host = parentElement.appendChild(document.createElement('div'));
    host.className = 'i-curves-host';
    host.onpointermove = event => {
      const area = event.target.closest('.i-area'), { left, width } = area?.getBoundingClientRect() ?? {};
      const chart = [...host.querySelectorAll('.i-area')].indexOf(area);
      host.pointed = area ? { chart, share: (event.clientX - left) / width } : null;
      tell(host);
    };
    host.onpointerleave = () => { host.pointed = null; tell(host); };
  }
  host.data = data;
  if (host.shown === data.html) return;
  host.innerHTML = host.shown = data.html;
  tell(host);
}
"""


@cache
def _place() -> Any:  # noqa: ANN401 - Streamlit gives a callable of no public type
    """Puts HTML of this module where it is; ``st.html`` would take the SVG out of it."""
    return st.components.v2.component("icicore_curves", js=_SCRIPT, isolate_styles=False)


def show_curves(log: RunLog, kind: str, *, epochs: int, key: str) -> None:
    """Show all curves of one model; called again with more epochs they grow in place."""
    data = {"html": curves(log, kind, epochs=epochs), "last": max(2, epochs), "values": told(log, kind)}
    _place()(key=key, data=data)


def curves(log: RunLog, kind: str, *, epochs: int) -> str:
    """All curves of one model; HTML."""
    return f'<div class="i-curves">{"".join(curve(log, kind, name, epochs=epochs) for name in TITLES)}</div>'


def told(log: RunLog, kind: str) -> list[list[Json]]:
    """What each chart says under the pointer: for each member its name, colour and value at each epoch, in words."""
    return [
        [
            {
                "name": f"member {member + 1}",
                "colour": PATHWAY_COLOURS[member % len(PATHWAY_COLOURS)],
                "at": {str(e): number(v, 4) for e, v in zip(at, values, strict=True) if math.isfinite(v)},
            }
            for member, at, values in lines_of(log, kind, name)
        ]
        for name in TITLES
    ]


@dataclass(frozen=True)
class _Frame:
    """What a chart shows: epochs 1 to ``last`` from left to right, ``low`` to ``high`` upwards; places in per cent."""

    last: int
    low: float
    high: float

    def x(self, epoch: int) -> float:
        return 100 * (epoch - 1) / (self.last - 1)

    def y(self, value: float) -> float:
        return 100 * (1 - (value - self.low) / (self.high - self.low))


def curve(log: RunLog, kind: str, name: str, *, epochs: int) -> str:
    """One value over the epochs, a line per member; colour and dash tell the members apart.

    Parameters
    ----------
    kind : the model
    name : what of ``TITLES`` is drawn
    epochs : the most epochs of a member, which is the end of the axis
    """
    lines = [
        (member, [(e, v) for e, v in zip(at, values, strict=True) if math.isfinite(v)])
        for member, at, values in lines_of(log, kind, name)
    ]
    found = [v for _, points in lines for _, v in points]
    frame = _Frame(max(2, epochs), *_range(found))
    dots = len(found) <= _MOST_DOTS
    marks = "".join(_line(frame, member, points, dots=dots) for member, points in lines)
    rings = [_ring(frame, log, kind, member, points) for member, points in lines if name in _KEPT]
    ticks = nice_ticks(frame.low, frame.high) if found else []
    rules = "".join(f'<path class="i-rule" d="M0 {frame.y(t):.2f}H100"></path>' for t in ticks)
    heights = "".join(f'<span style="top:{frame.y(t):.2f}%">{esc(_tick(name, t))}</span>' for t in ticks)
    feet = "".join(f'<span style="left:{frame.x(e):.2f}%">{e}</span>' for e in _epoch_ticks(frame.last))
    return (
        f'<figure class="i-curve"><figcaption>{esc(TITLES[name])}</figcaption>'
        f'<div class="i-plot"><div class="i-heights">{heights}</div><div class="i-area">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{esc(_spoken(name, lines))}">'
        f'{rules}{marks}</svg>{"".join(rings)}</div><div class="i-feet">{feet}</div></div>'
        '<div class="i-epoch">epoch</div></figure>'
    )


def _line(frame: _Frame, member: int, points: Points, *, dots: bool) -> str:
    """The line of one member, and its points."""
    colour, dash = PATHWAY_COLOURS[member % len(PATHWAY_COLOURS)], _DASHES[member % len(_DASHES)]
    places = [f"{frame.x(epoch):.2f} {frame.y(value):.2f}" for epoch, value in points]
    if not places:
        return ""
    line = f'<path d="M{"L".join(places)}" stroke="{colour}" stroke-dasharray="{dash}"></path>'
    marks = "".join(f"M{place}h0" for place in places)
    return line + (f'<path class="i-dot" d="{marks}" stroke="{colour}"></path>' if dots else "")


def _ring(frame: _Frame, log: RunLog, kind: str, member: int, points: Points) -> str:
    """A ring around the epoch whose weights are kept, once it is known."""
    best = log.members[f"{kind}-{member}"].best_epoch
    colour = PATHWAY_COLOURS[member % len(PATHWAY_COLOURS)]
    return "".join(
        f'<i class="i-ring" style="left:{frame.x(epoch):.2f}%;top:{frame.y(value):.2f}%;border-color:{colour}"></i>'
        for epoch, value in points
        if best is not None and epoch == best + 1
    )


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Round values between two bounds, about ``n``: multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """What the height shows, with a margin; one value alone stands in the middle."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = _MARGIN * (high - low) or abs(high) / 10 or 1.0
    return low - room, high + room


def _epoch_ticks(last: int) -> list[int]:
    """Whole epochs, the first and about five more."""
    step = next(s * p for p in (1, 10, 100, 1000) for s in (1, 2, 5) if (last - 1) / (s * p) < _MOST_TICKS)
    return [1, *(e for e in range(step, last + 1, step) if e > 1)]


def _tick(name: str, value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.1e}" if name == "rate" else f"{value:.3g}"


def _spoken(name: str, lines: Sequence[tuple[int, Points]]) -> str:
    """The newest value of each member, for those who do not see the curve."""
    newest = [f"member {m + 1} {number(points[-1][1], 3)} at epoch {points[-1][0]}" for m, points in lines if points]
    return f"{TITLES[name]}: {', '.join(newest) or 'nothing yet'}"


def legend(members: int) -> str:
    """The members with their colours and dashes, for all curves; HTML."""
    items = [
        f'<span><i style="border-top:3px {_CSS[k % len(_CSS)]} {PATHWAY_COLOURS[k % len(PATHWAY_COLOURS)]}"></i>'
        f"member {k + 1}</span>"
        for k in range(members)
    ]
    return f'<div class="i-members">{"".join(items)}<span>◯ epoch that is kept</span></div>'
