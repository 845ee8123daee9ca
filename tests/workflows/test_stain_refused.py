"""Another stain than H&E on the way to a score: refused in one line, nothing kept as a result."""

import json

import numpy as np
import pytest

from icicore.errors import SlideError
from icicore.workflows.predictions import predict_case
from tests.make_slides import make_he_image, make_slide


def brown_on_blue(width: int, height: int) -> np.ndarray:
    """Haematoxylin with brown nuclei, as immunohistochemistry looks: H&E texture in other colours."""
    texture = make_he_image(np.random.default_rng(8), (width, height)).astype(np.float32)
    dark = np.clip((235 - texture.mean(axis=2)) / 90, 0, 1)[..., None]
    blue, brown = np.array([172, 186, 214], np.float32), np.array([112, 74, 46], np.float32)
    return np.clip(blue * (1 - dark) + brown * dark, 0, 255).astype(np.uint8)


def test_an_immunohistochemistry_slide_is_refused_and_leaves_no_prediction(services, tmp_path):
    folder = tmp_path / "ihc"
    (folder / "slides").mkdir(parents=True)
    record = {"case_id": "IHC-1", "tumour_type": "nsclc", "clinical": {"age": 60, "ecog": 1}}
    (folder / "case.json").write_text(json.dumps(record))
    make_slide(folder / "slides" / "pdl1.tif", size=(1280, 1024), painter=brown_on_blue)
    before = set((services.settings.home / "predictions").glob("*"))
    with pytest.raises(SlideError, match=r"pdl1.tif: looks like IHC, not H&E; expected an H&E-stained slide") as caught:
        predict_case(services, folder)
    assert "\n" not in str(caught.value)
    assert set((services.settings.home / "predictions").glob("*")) == before
    scored = predict_case(services, folder, drop=["histology"])
    assert scored["modality_weights"]["histology"] is None
