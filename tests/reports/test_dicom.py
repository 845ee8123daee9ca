"""Parametric maps: valid, in the right place, referring to the slide, without a patient, the same bytes every time."""

import io
import shutil
import subprocess
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import ParametricMapStorage

from icicore.reports.interop.content import SlideResult
from icicore.reports.interop.dicom import PADDING, base_image, dicom_files
from icicore.workflows.case_export import _dicom_source
from tests.reports.make_content import DIGEST, SURNAME, layers, make_content
from tests.shared_data import shared


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dicom_files(make_content(), {})


def opened(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(content))


def faults(content: bytes, folder: Path) -> list[str]:
    """Errors of the DICOM validator of dicom3tools."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (package dicom3tools) is not installed")
    path = folder / "map.dcm"
    path.write_bytes(content)
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "ParametricMap" in said
    return [line for line in said.splitlines() if line.startswith(("Error", "Abort"))]


def test_one_map_per_layer_and_none_for_classes(files):
    assert sorted(files) == [f"{DIGEST[:16]}_attention.dcm", f"{DIGEST[:16]}_gradcam.dcm"]


def test_a_validator_finds_no_error(files, tmp_path):
    for content in files.values():
        assert faults(content, tmp_path) == []


def test_the_validator_would_see_a_fault(files, tmp_path):
    broken = opened(files[f"{DIGEST[:16]}_attention.dcm"])
    del broken.SpecimenDescriptionSequence
    stream = io.BytesIO()
    broken.save_as(stream)
    assert any("SpecimenDescriptionSequence" in line for line in faults(stream.getvalue(), tmp_path))


def test_the_values_are_those_of_the_layer(files):
    found = opened(files[f"{DIGEST[:16]}_attention.dcm"])
    assert found.SOPClassUID == ParametricMapStorage and (found.Rows, found.Columns) == (2, 3)
    values = np.frombuffer(found.FloatPixelData, "<f4").reshape(2, 3)
    expected = make_content().slides[0].grids["attention"]
    np.testing.assert_array_equal(values[np.isfinite(expected)], expected[np.isfinite(expected)])
    assert values[0, 2] == PADDING == found.FloatPixelPaddingValue
    mapping = found.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    assert found.ContentQualification == "RESEARCH"


@pytest.mark.parametrize(("layer", "cells"), [("attention", 1), ("gradcam", 2)])
def test_a_pixel_lies_where_its_tile_lies(files, layer, cells):
    found = opened(files[f"{DIGEST[:16]}_{layer}.dcm"])
    to_slide = hd.spatial.PixelToReferenceTransformer.for_image(found, for_total_pixel_matrix=True)
    spacing_mm, tile_mm = 0.25e-3, 512 * 0.25e-3
    # Corner of the first pixel in pixel coordinates is half a pixel before its centre.
    corner = to_slide(np.array([[0, 0]]))[0][:2] - tile_mm / cells / 2
    np.testing.assert_allclose(corner, (np.array([512, 256]) - 0.5) * spacing_mm, atol=1e-6)
    last = to_slide(np.array([[3 * cells - 1, 2 * cells - 1]]))[0][:2] + tile_mm / cells / 2
    np.testing.assert_allclose(last - corner, [3 * tile_mm, 2 * tile_mm], atol=1e-6)


def test_nothing_of_the_patient_but_the_case_id(files):
    for content in files.values():
        found = opened(content)
        assert found.PatientID == "CASE-7" and not found.PatientName and not found.PatientBirthDate
        assert SURNAME.encode() not in content


def test_the_same_result_gives_the_same_bytes_and_maps_of_a_slide_belong_together(files):
    assert dicom_files(make_content(), {}) == files
    first, second = (opened(c) for c in files.values())
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert first[keyword].value == second[keyword].value
    assert first.SOPInstanceUID != second.SOPInstanceUID
    again = opened(next(iter(dicom_files(make_content(), {}).values())))
    other = make_content()
    object.__setattr__(other, "result_digest", "00" * 32)
    newer = opened(next(iter(dicom_files(other, {}).values())))
    assert newer.SOPInstanceUID != again.SOPInstanceUID and newer.StudyInstanceUID == again.StudyInstanceUID


def test_a_dicom_slide_keeps_its_identifiers_and_loses_its_patient(tmp_path):
    source = _dicom_source(shared("slides/dicom_LUSC_HE3"))
    assert source is not None and "VOLUME" in source.ImageType
    content = make_content()
    spacing = float(source.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0])
    stated = layers() | {"mpp": spacing * 1000, "width_l0": int(source.TotalPixelMatrixColumns)}
    (slide,) = content.slides
    object.__setattr__(content, "slides", (SlideResult(stated, slide.tiles, slide.grids),))
    for made in dicom_files(content, {DIGEST[:16]: source}).values():
        found = opened(made)
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
            assert found[keyword].value == source[keyword].value
        assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert found.PatientID == "CASE-7" and found.ContainerIdentifier == DIGEST[:16]
        for keyword in ("PatientName", "PatientID", "ContainerIdentifier"):
            if stated_one := str(source.get(keyword, "")):
                assert stated_one.encode() not in made
        assert faults(made, tmp_path) == []


def test_files_that_are_no_slide_have_no_source(tmp_path):
    (tmp_path / "one.dcm").write_bytes(b"not DICOM")
    assert _dicom_source(tmp_path / "one.dcm") is None and _dicom_source(tmp_path / "slide.svs") is None
    assert base_image([]) is None
