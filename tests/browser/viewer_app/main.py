"""One page: viewer, tile sheet, gallery, and what Python was told."""

import json
import os
from pathlib import Path

import streamlit as st

from icicore.ui.viewer import slide_viewer, tile_sheet, viewer_urls

st.set_page_config(layout="wide", page_title="viewer")
scene = json.loads((Path(os.environ["ICICORE_TEST_SCENE"]) / "scene.json").read_text(encoding="utf-8"))
show = st.query_params.get("show", "viewer,sheet,gallery").split(",")
height = int(st.query_params.get("height", 640))
grows = float(st.query_params.get("grows", 0))
state = st.session_state


@st.fragment
def stage() -> None:
    """Viewer and sheet in one fragment, so that a click reruns nothing else."""
    state.runs = state.get("runs", 0) + 1
    urls = viewer_urls(
        "case-1", "b" * 16, slide_ids=[s["digest"] for s in scene["layers"]], secret="test secret", user="tester"
    )
    slides, left, right = scene["layers"], *st.columns([3, 2])
    current = next((s for s in slides if s["digest"][:16] == (state.get("tile") or {}).get("slide")), slides[0])
    if st.button("Fly to the last tile"):
        state.goto = {"slide": slides[-1]["digest"], "index": 0, "seq": state.runs}
    with left:
        if "viewer" in show:
            events = slide_viewer(
                slides,
                key="viewer",
                urls=urls,
                selected=state.get("tile"),
                goto=state.get("goto"),
                height=height,
                grows=grows,
            )
            remember(events.tile)
            st.text(f"layers {json.dumps(events.layers_state)}")
        if "gallery" in show:
            remember(tile_sheet(current, key="gallery", urls=urls, selected=state.get("tile"), mode="gallery").tile)
    with right:
        if "sheet" in show:
            remember(tile_sheet(current, key="sheet", urls=urls, selected=state.get("tile"), height=560).tile)
        st.text(f"tile {json.dumps(state.get('tile'))}")
        st.text(f"runs {state.runs}")


def remember(tile: dict | None) -> None:
    """Keep a click, and run again so that the other components learn of it."""
    if tile and tile != state.get("tile"):
        state.tile = tile
        st.rerun(scope="fragment")


stage()
