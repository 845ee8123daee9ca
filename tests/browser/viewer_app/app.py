"""Smallest application around the viewer: the tile server and one page. ICICORE_TEST_SCENE names the scene's folder."""

import json
import os
from pathlib import Path

import streamlit as st
from streamlit import config

from icicore.server import build_routes, enable_tcp_nodelay
from icicore.store.annotations import AnnotationStore
from icicore.store.engine import Database
from icicore.workflows.annotations import SlideAnnotations

SCENE = Path(os.environ["ICICORE_TEST_SCENE"])
SLIDES = json.loads((SCENE / "scene.json").read_text(encoding="utf-8"))["slides"]


def find_slide(slide: str) -> tuple[Path, float | None] | None:
    return (Path(SLIDES[slide]), None) if slide in SLIDES else None


enable_tcp_nodelay()
store = AnnotationStore(Database(f"sqlite:///{SCENE / 'annotations.db'}", lock_dir=SCENE))
base = str(config.get_option("server.baseUrlPath") or "")
app = st.App(
    "main.py",
    routes=build_routes(
        base,
        find_slide=find_slide,
        results_dir=SCENE / "results",
        secret="test secret",
        annotations=lambda slide, bounds: SlideAnnotations(store, slide, bounds),
    ),
)
