"""Words that people and files bring along are shown as text on every page: no markup, no picture that is fetched."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.settings import read_settings
from icicore.store.case_query import CaseFilter, CaseOrder
from icicore.store.cases import CaseRow
from icicore.store.views import ViewStore
from icicore.ui.backend import use_backend
from icicore.ui.places import ABOUT, CASE, CASES, COHORT, COMPARE
from icicore.workflows.cases import result_folder
from icicore.workflows.services import build_services
from tests.pages.conftest import MAIN, html_of
from tests.pages.fake_results import BUNDLE, write_result

HTML = "<img src=x onerror=alert(1)>"
PICTURE = "![x](http://evil.example/x.png)"
KEYS = ("a" * 16, "b" * 16)
PAGES: dict[str, tuple[Path, dict[str, str]]] = {
    "work list": (CASES, {}),
    "case": (CASE, {"case": KEYS[0]}),
    "compare": (COMPARE, {"cases": ",".join(KEYS)}),
    "compare strangers": (COMPARE, {"cases": f"{HTML},{PICTURE}"}),
    "cohort": (COHORT, {}),
    "about": (ABOUT, {}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scored cases whose every free word is hostile."""
    home = tmp_path_factory.mktemp("hostile")
    services = build_services(read_settings({"ICICORE_HOME": str(home)}))
    for key, words in zip(KEYS, (HTML, PICTURE), strict=True):
        row = CaseRow(
            key, f"CASE {words}", words, str(home / words.replace("/", "_")), site=words, assignee=words,
            state="limited", probability=0.5, bundle=words, bundle_digest=BUNDLE,
            reasons=({"code": "pen", "message": words, "modality": None},),
        )  # fmt: skip
        services.cases.put(row)
        folder = result_folder(services, key, BUNDLE)
        write_result(folder, slides=1, tiles=40)
        path = folder / "prediction.json"
        content = json.loads(path.read_text()) | {"reasons": [{"code": "pen", "message": words, "modality": None}]}
        content["bundle"] = content["bundle"] | {"name": words}
        path.write_text(json.dumps(content))
        ViewStore(services.database).save("Ada", words, CaseFilter(text=words), CaseOrder())
    services.database.close()
    return home


def texts(at: AppTest) -> list[str]:
    """Everything that Streamlit renders as Markdown: labels, captions, help, messages."""
    found: list[str] = []

    def walk(node: Any) -> None:
        for child in getattr(node, "children", {}).values():
            walk(child)
        proto = getattr(node, "proto", None)
        for name in ("body", "label", "help", "placeholder"):
            value = getattr(proto, name, None)
            if isinstance(value, str) and type(proto).__name__ not in ("Html", "BidiComponent"):
                found.append(value)
        if type(proto).__name__ in ("ButtonGroup", "Radio"):  # the options of other widgets are plain text
            found.extend(str(getattr(option, "content", option)) for option in proto.options)

    walk(at._tree)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_words_stay_words(home: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOME": str(home), "ROOTS": str(home), "USER": "Ada"}.items():
        monkeypatch.setenv(f"ICICORE_{name}", value)
    use_backend(None)
    path, query = PAGES[page]
    at = AppTest.from_file(str(MAIN), default_timeout=300)
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page(str(path))
    at.run()
    use_backend(None)
    assert not at.exception, [e.message for e in at.exception]
    assert HTML not in html_of(at), "HTML from a file is HTML on the page"
    loud = [text for text in texts(at) if PICTURE in text]
    assert loud == [], "a picture of another site would be fetched"
