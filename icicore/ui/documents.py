"""Texts of the about page: intended use, limits, keyboard, licences."""

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from icicore import __version__
from icicore.access import ROLE_MEANS, Person
from icicore.types import Json
from icicore.ui import charts
from icicore.ui.text import count, esc
from icicore.workflows.licences import Licence

INTENDED = """
**For** pathologists and oncologists who prepare a tumour board, and for data scientists who train and test models.
A case is one patient with melanoma or NSCLC at one decision about anti-PD-1 or anti-PD-L1 treatment.

**It answers** how likely an objective response is (RECIST 1.1, CR or PR), why the model says so, and whether the
answer can be trusted for this patient.

**It supports a decision and never makes one.** Research use only: not a medical device, not for diagnosis or
treatment decisions without independent confirmation.
"""
LIMITS = """
- A probability is only as good as the cohort behind the bundle. The card says which one, how large, and how it
  performed.
- A bundle trained on **virtual data** shows that the method works. It says nothing about real patients; every result
  on a real case is therefore marked *limited* and carries no call.
- The interval shows how far the estimate varies between models trained on resamples of one cohort. It does not cover
  other hospitals, scanners, assays or populations.
- Attention, contribution and Grad-CAM show what the model used. They do not show cause, and a hot tile is no
  diagnosis.
- A gene that the assay did not cover is *not measured*, which is not *wild type*. A missing modality is left out,
  never filled in.
- Slides are read as they are: pen, blur, folds, other stains than H&E and unusual pixel sizes are reported and limit
  the result.
"""
_INTERVAL = re.compile(r"(?<=\d)-(?=-?\d*\.\d+\))")
_NO_BREAK = "\u2060"
KEYS = (
    ("Viewer: move", "drag or arrow keys; 0 shows the whole slide; f is full screen"),
    ("Viewer: zoom", "mouse wheel, double click, + and −"),
    ("Viewer: turn", "r and R rotate right and left; m mirrors"),
    ("Viewer: layers", "1 to 4 show or hide a layer; h hides all of them, and shows them again"),
    ("Viewer: tiles", "click a tile to examine it; n and p go to the next and previous tile by attention"),
    ("Viewer: annotate", "d outlines, b draws a box, t sets a point, l lists; a and x agree and disagree; Del deletes"),
    ("Viewer: measure and compare", "u measures, g shows the test grid, v opens a second view, s saves the picture"),
    ("Viewer: help", "? lists these keys; the viewer must have the focus: click it, or reach it with Tab"),
    ("Tile strips and sheet", "click a thumbnail to fly to it"),
    ("Presentation", "Alt+P shows the page in large type without menu, and ends it"),
    ("Tour", "Tab reaches its buttons, Esc ends it"),
    ("Tables", "arrow keys to move, Ctrl+F to search inside, a click on a heading to sort"),
    ("Everywhere", "Tab and Shift+Tab to move between controls, Enter or Space to use them"),
)
LICENCES = (
    ("icicore", __version__, "Apache-2.0"),
    ("OpenSeadragon (viewer)", "6.1.1", "BSD-3-Clause"),
    ("Annotorious (annotations)", "3.8.10", "BSD-3-Clause"),
    ("Inter (typeface)", "variable", "SIL Open Font Licence 1.1"),
    ("DejaVu Sans Condensed (typeface of the report)", "2.37", "Bitstream Vera licence"),
)


def doctor_view(report: Json) -> None:
    """State of this installation: problems first, then what was found."""
    problems, warnings = report.get("problems") or [], report.get("warnings") or []
    lead = "This installation can run." if not problems else f"{count(len(problems), 'problem')} to solve."
    items = [f"<span>{esc(text)}</span>" for text in (*problems, *warnings)]
    look = "bad" if problems else "warn" if warnings else "calm"
    st.html(f'<div class="i-reasons {look}"><b>{lead}</b>{"".join(items)}</div>')
    left, right = st.columns(2)
    machine = {
        k.replace("_", " "): report.get(k) for k in ("python", "platform", "cores", "openslide", "disk_free_gib")
    }
    left.html(_block("Machine", machine) + _block("Versions", report.get("versions") or {}))
    listed = {title: _listed(report.get(title) or []) for title in ("backbones", "bundles")}
    blocks = {"device": report.get("device") or {}, "settings": report.get("settings") or {}, **listed}
    right.html("".join(_block(title.capitalize(), rows) for title, rows in blocks.items()))


def _block(title: str, rows: Mapping[str, object]) -> str:
    shown = charts.facts([(str(k), _line(v)) for k, v in rows.items()] or [("none", "")], mono=True)
    return f"{charts.card(title, shown)}<p></p>"


def _listed(entries: Sequence[Json]) -> dict[str, object]:
    return {str(e.get("name")): ", ".join(f"{k}: {_line(v)}" for k, v in e.items() if k != "name") for e in entries}


def shown_card(card: str) -> str:
    """Return a bundle's card as a page shows it, Markdown.

    Pictures become links, since a card must not make the browser fetch anything, and the line is not broken inside
    an interval.
    """
    safe = card.replace("![", "[").replace("<", "&lt;")
    return _INTERVAL.sub(f"{_NO_BREAK}–{_NO_BREAK}", safe)


def _line(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value)


def licences(packages: Sequence[Licence]) -> None:
    """What is shipped inside the package, then every library that it rests on, as installed; with a search."""
    st.html(charts.card("Shipped inside", charts.facts([(n, f"{v}, {text}") for n, v, text in LICENCES])))
    words = st.text_input("Search", placeholder="name or licence", key="licence_search", max_chars=80).strip().lower()
    shown = [p for p in packages if words in f"{p.name} {p.licence}".lower()]
    unknown = sum(not p.licence for p in packages)
    silent = f"; {unknown} state none in their metadata" if unknown else ""
    st.caption(f"{len(shown)} of {len(packages)} libraries as installed here{silent}.")
    st.dataframe(
        {
            "Library": [p.name for p in shown],
            "Version": [p.version for p in shown],
            "Licence": [p.licence or "not stated" for p in shown],
            "Needed by": ["icicore" if p.direct else "another library" for p in shown],
            "Home": [p.home for p in shown],
        },
        hide_index=True,
        height=420,
        key="licence_table",
    )


def promoted_first(cards: Sequence[tuple[str, str]], promoted: str) -> list[tuple[str, str, bool]]:
    """Name, card and whether promoted; the promoted bundle leads."""
    listed = [(name, card, name == promoted) for name, card in cards]
    return sorted(listed, key=lambda x: not x[2])


def roles(person: Person) -> None:
    """Who is at this screen, and what each role may do."""
    st.html(
        charts.card("You", charts.facts([("Name", person.name), ("Role", person.role.word), ("Sites", _sites(person))]))
    )
    st.html(charts.card("Roles", charts.facts([(role.word, means) for role, means in ROLE_MEANS.items() if role])))
    st.caption("An administrator gives roles and sites in the file people.toml of the home folder.")


def _sites(person: Person) -> str:
    return "all" if person.sites is None else ", ".join(person.sites) or "none"
