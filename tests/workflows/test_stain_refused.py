"""Another stain than H&E on the way to a score: refused in one line, nothing kept as a result."""

import json

import pytest

from icicore.errors import SlideError
from icicore.workflows.predictions import predict_case
from tests.make_slides import make_slide


def test_a_slide_of_another_stain_is_refused_and_leaves_no_prediction(services, tmp_path, monkeypatch):
    folder = tmp_path / "ihc"
    (folder / "slides").mkdir(parents=True)
    record = {"case_id": "IHC-1", "tumour_type": "nsclc", "clinical": {"age": 60, "ecog": 1}}
    (folder / "case.json").write_text(json.dumps(record))
    make_slide(folder / "slides" / "pdl1.tif", size=(1024, 768))
    before = set((services.settings.home / "predictions").glob("*"))
    monkeypatch.setattr("icicore.slides.quality.stain_kind", lambda *_: "IHC")
    with pytest.raises(SlideError, match=r"pdl1.tif: looks like IHC, not H&E; expected an H&E-stained slide") as caught:
        predict_case(services, folder)
    assert "\n" not in str(caught.value)
    assert set((services.settings.home / "predictions").glob("*")) == before
    scored = predict_case(services, folder, drop=["histology"])
    assert scored["modality_weights"]["histology"] is None
