"""In the tile inspector: tiles of the model's training patients that look most like the tile, and how they fared."""

import base64

import streamlit as st

from icicore.ui import charts
from icicore.ui.text import count, esc, percent, sentence
from icicore.workflows.cohort_neighbours import CohortLikeness, CohortTile

NONE_KEPT = (
    "This model carries no tiles of its training patients; an administrator can add some with "
    "<code>icicore bundle tiles</code>."
)


def cohort_strip(found: CohortLikeness | str | None) -> None:
    """The reference tiles most like this one, with class, site, outcome of the patient, and distance."""
    if not isinstance(found, CohortLikeness):
        st.html(charts.note(NONE_KEPT if found is None else esc(sentence(found))))
        return
    responders = sum(tile.responder for tile in found.tiles)
    head = (
        f'<span class="i-label">Most alike of {count(found.n, "reference tile")} of the training cohort</span> '
        f'<span class="i-dim">{responders} of {len(found.tiles)} are from responders</span>'
    )
    words = (
        f"Each {found.side_um:.0f} µm wide, as scanned, from a patient the model was trained on; "
        f"{percent(found.share)} of the reference tiles are from responders, chosen evenly by class, site and outcome, "
        "so the count above is no probability."
    )
    with st.container(border=True, key="alike_cohort"):
        st.html(f'{head}<div class="i-cohort">{"".join(map(_tile, found.tiles))}</div>{charts.note(words)}')


def _tile(tile: CohortTile) -> str:
    outcome = "Responder" if tile.responder else "Non-responder"
    about = ", ".join(esc(part) for part in (tile.tile_class, tile.site) if part)
    address = "data:image/jpeg;base64," + base64.b64encode(tile.picture).decode()
    spoken = f"{about}; {outcome.lower()}; distance {distance(tile.cosine)}"
    return (
        f'<figure><div class="i-tile"><img src="{address}" alt="{spoken}" title="{spoken}"></div>'
        f'<figcaption><b class="{"i-yes" if tile.responder else "i-no"}">{outcome}</b>'
        f"<span>{about}</span><span>{distance(tile.cosine)}</span></figcaption></figure>"
    )


def distance(cosine: float) -> str:
    """Cosine distance of two embeddings: 0 is the same, 1 has nothing in common."""
    return f"{max(0.0, 1 - cosine):.2f}"
