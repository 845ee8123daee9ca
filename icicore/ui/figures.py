"""The figures of the evaluation as pictures for the pages.

Streamlit removes SVG from HTML that it is given, so a figure comes as an image and carries its own colours.
"""

import base64
from dataclasses import asdict
from html import escape

from icicore.ui.theme import Palette

_STYLE = """
text {{ fill: {text}; font: 14px Inter, system-ui, sans-serif; font-variant-numeric: tabular-nums; }}
text.tick {{ font-size: 12.5px; fill: {muted}; }} text.label {{ font-size: 14px; }}
.grid {{ stroke: {border}; stroke-width: 1; opacity: .6; }} .axis {{ stroke: {muted}; stroke-width: 1; }}
.line {{ fill: none; stroke: {accent}; stroke-width: 2.2; stroke-linejoin: round; }}
.whisker {{ stroke: {accent}; stroke-width: 1.8; }} .dot {{ fill: {accent}; }}
.band {{ fill: {accent}; opacity: .16; }} .bar {{ fill: {border}; }}
.line.c1 {{ stroke: {genomics}; }} .band.c1 {{ fill: {genomics}; }}
.line.chance, .line.zero {{ stroke: {muted}; stroke-width: 1.2; }} .line.chance {{ stroke-dasharray: 3 4; }}
.line.mark {{ stroke: {text}; stroke-width: 1.4; stroke-dasharray: 6 3; }} text.note {{ font-size: 12.5px; }}
"""


def picture(svg: str, colours: Palette, alt: str, *, style: str = "") -> str:
    """An image element of an SVG figure of ``icicore.reports``, in the colours of the theme; ``style`` adds rules."""
    style = _STYLE.format(**asdict(colours)) + style
    start = svg.index(">") + 1
    drawn = f"{svg[:start]}<style>{style}</style>{svg[start:]}"
    data = base64.b64encode(drawn.encode()).decode()
    return f'<img class="i-figure-image" src="data:image/svg+xml;base64,{data}" alt="{escape(alt, quote=True)}">'
