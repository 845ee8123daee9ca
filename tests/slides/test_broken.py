"""Bad files: one line that says what is wrong, and as much of a damaged slide as can be had."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from icicore.errors import IcicoreError, MissingMpp, NoTissue, SlideError
from icicore.slides.digest import slide_digest
from icicore.slides.reader import open_slide
from icicore.slides.tiling import TileGrid
from icicore.slides.tissue import find_tissue
from tests.make_slides import make_slide
from tests.shared_data import shared

BROKEN = {
    "empty.svs": (SlideError, "empty"),
    "text_renamed.svs": (SlideError, "text file"),
    "png_renamed.svs": (SlideError, "PNG"),
    "histolab_broken.svs": (SlideError, "text file"),
    "truncated_LUSC_HE3.svs": (SlideError, "cut short|damaged"),
    "openslidepy_unopenable.tiff": (SlideError, "compression"),
    "openslidepy_unreadable.svs": (SlideError, "cannot be read"),
    "openslidepy_boxes.tiff": (MissingMpp, "352.778"),
    "pathml_small_HE_levels.tiff": (MissingMpp, "352.858"),
    "qupath_cells.ome.tif": (SlideError, "without tiles"),
    "openslidepy_small.svs": (NoTissue, "too small"),
    "openslidepy_boxes_0.dcm": (NoTissue, "too small"),
}


def tiles_of(path: Path) -> int:
    with open_slide(path) as reader:
        return len(TileGrid().plan(reader, find_tissue(reader)))


@pytest.mark.parametrize("name", BROKEN)
def test_real_broken_files(name: str) -> None:
    path = shared(f"slides/broken/{name}")
    kind, words = BROKEN[name]
    with pytest.raises(kind, match=words) as caught:
        tiles_of(path)
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert str(path.parent) not in str(caught.value)


def test_overview_dicom_is_too_coarse() -> None:
    with pytest.raises(MissingMpp, match="28.9"):
        tiles_of(shared("slides/gcp_camelyon_jpeg.dcm"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, this is no slide\n" * 20, "text file"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "JPEG picture"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"%PDF-1.7\n" + bytes(100), "PDF"),
        (b"II*\x00" + bytes(4), "damaged"),
        (bytes(range(256)) * 8, "damaged"),
    ],
)
def test_other_files_under_a_slide_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "case.svs"
    path.write_bytes(content)
    with pytest.raises(SlideError, match=words) as caught:
        open_slide(path)
    assert str(caught.value).startswith("case.svs: ") and "\n" not in str(caught.value)


def test_missing_file_and_folders(tmp_path: Path) -> None:
    with pytest.raises(SlideError, match="does not exist"):
        open_slide(tmp_path / "nothing.svs")
    with pytest.raises(SlideError, match="no DICOM"):
        open_slide(tmp_path)
    with pytest.raises(SlideError, match="cannot be read"):
        slide_digest(tmp_path / "nothing.svs")


def test_folder_with_two_dicom_series(tmp_path: Path) -> None:
    for path in (shared("slides/gcp_camelyon_jpeg.dcm"), shared("slides/broken/openslidepy_boxes_0.dcm")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(SlideError, match="2 DICOM series"):
        open_slide(tmp_path)


def test_grey_fluorescence_tiff(tmp_path: Path) -> None:
    path = tmp_path / "fluorescence.tif"
    tifffile.imwrite(path, np.zeros((3, 64, 64), np.uint16), photometric="minisblack", metadata=None)
    with pytest.raises(SlideError, match="fluorescence"):
        open_slide(path)


def corrupt(source: Path, target: Path, numbers: list[int], *, level: int = 0) -> Path:
    """Overwrite the start of some tiles of a level."""
    with tifffile.TiffFile(source) as tiff:
        offsets = tiff.pages[level].dataoffsets  # type: ignore[union-attr]
    data = bytearray(source.read_bytes())
    for number in numbers:
        data[offsets[number] : offsets[number] + 40] = b"\x00" * 40
    target.write_bytes(bytes(data))
    return target


def test_bad_tile_hurts_only_itself(tmp_path: Path, slide_path: Path) -> None:
    good = open_slide(slide_path)
    bad = open_slide(corrupt(slide_path, tmp_path / "half.tif", [3 * 8 + 4]))
    plan = TileGrid().plan(bad, find_tissue(bad))
    assert plan.index.tolist() == TileGrid().plan(good, find_tissue(good)).index.tolist()
    failures = []
    for i, (row, col) in enumerate(plan.index.tolist()):
        try:
            assert (plan.read_tile(bad, i) == plan.read_tile(good, i)).all()
        except SlideError as error:
            failures.append((row, col))
            assert "half.tif" in str(error) and "\n" not in str(error)
    assert failures == [(3, 4)]
    assert plan.readable(bad, plan.index.tolist().index([3, 4])) is None


def test_bad_tile_among_threads(tmp_path: Path, slide_path: Path) -> None:
    bad = open_slide(corrupt(slide_path, tmp_path / "threads.tif", [2 * 8 + 2, 3 * 8 + 5]))

    def read(place: tuple[int, int]) -> bool:
        try:
            bad.read_region((place[1] * 256, place[0] * 256), 0, (256, 256))
        except IcicoreError:
            return False
        return True

    places = [(row, col) for _ in range(4) for row in range(6) for col in range(8)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(read, places))
    assert {p for p, ok in zip(places, results, strict=True) if not ok} == {(2, 2), (3, 5)}


def test_single_level_slide_with_bad_tiles_keeps_its_tissue(tmp_path: Path, folder: Path) -> None:
    source = make_slide(folder / "single.tif", size=(2048, 1536), levels=(1,))
    good = open_slide(source)
    bad = open_slide(corrupt(source, tmp_path / "single.tif", [2 * 8 + 3]))
    expected, found = find_tissue(good), find_tissue(bad)
    assert (expected.mask != found.mask).mean() < 0.01, "a damaged tile within tissue is filled from around it"


def test_damaged_low_level_is_replaced_by_a_finer_one(tmp_path: Path, slide_path: Path) -> None:
    bad = open_slide(corrupt(slide_path, tmp_path / "low.tif", [0], level=2))
    with pytest.raises(SlideError):
        bad.read_region((0, 0), 2, (64, 64))
    assert (find_tissue(open_slide(slide_path)).mask != find_tissue(bad).mask).mean() < 0.02


def test_mostly_damaged_slide_is_refused(tmp_path: Path, folder: Path) -> None:
    source = make_slide(folder / "ruined_source.tif", size=(1024, 1024), levels=(1,))
    ruined = open_slide(corrupt(source, tmp_path / "ruined.tif", list(range(1, 16))))
    with pytest.raises(SlideError, match="cannot be read"):
        find_tissue(ruined)


def test_digest_is_of_the_content(tmp_path: Path, slide_path: Path) -> None:
    copy = tmp_path / "renamed.svs"
    copy.write_bytes(slide_path.read_bytes())
    assert slide_digest(copy) == slide_digest(slide_path)
    changed = bytearray(copy.read_bytes())
    changed[-1] ^= 1
    copy.write_bytes(bytes(changed))
    assert slide_digest(copy) != slide_digest(slide_path)


def test_digest_of_a_series(tmp_path: Path) -> None:
    folder = shared("slides/dicom_LUSC_HE3")
    digest = slide_digest(folder)
    assert slide_digest(next(folder.glob("*.dcm"))) == digest, "any file of the series stands for all"
    for number, file in enumerate(sorted(folder.iterdir(), reverse=True)):
        (tmp_path / f"{number}.dcm").write_bytes(file.read_bytes())
    assert slide_digest(tmp_path) == digest
