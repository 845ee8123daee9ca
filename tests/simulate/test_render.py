"""The rendered slide file: what OpenSlide reads, what the truth says, and that both speak of the same pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openslide
import pytest

from icicore.errors import Cancelled, InputError
from icicore.simulate.render import CLASSES, Painter, SlideSpec, SlideTruth, render_slide
from icicore.simulate.spec import TILE_UM

SPEC = SlideSpec(seed=7, tumour_type="nsclc", til_density=1800, necrosis=0.06, size_um=(650, 560))


@pytest.mark.slow
def test_a_fine_slide_shows_the_same_tissue(tmp_path: Path, rendered: tuple[Path, SlideTruth]) -> None:
    test_another_pixel_size_shows_the_same_tissue(tmp_path, rendered, 0.25)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SlideTruth]:
    path = tmp_path_factory.mktemp("slide") / "virtual.tif"
    return path, render_slide(SPEC, path)


def test_openslide_reads_the_pixel_size_and_a_halving_pyramid(rendered: tuple[Path, SlideTruth]) -> None:
    with openslide.OpenSlide(rendered[0]) as slide:
        assert slide.dimensions == (1300, 1120)
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.5, rel=1e-6)
        assert float(slide.properties["openslide.mpp-y"]) == pytest.approx(0.5, rel=1e-6)
        assert slide.level_dimensions == ((1300, 1120), (650, 560), (325, 280))
        assert slide.properties["tiff.ImageDescription"].startswith("icicore virtual slide")
        assert slide.properties["openslide.level[0].tile-width"] == "256"


def test_the_levels_show_the_same_picture(rendered: tuple[Path, SlideTruth]) -> None:
    with openslide.OpenSlide(rendered[0]) as slide:
        full = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB").resize((325, 280), 4), float)
        small = np.asarray(slide.read_region((0, 0), 2, (325, 280)).convert("RGB"), float)
    assert np.abs(full - small).mean() < 4
    assert np.corrcoef(full.ravel(), small.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("mpp", [0.37, 0.74])
def test_another_pixel_size_shows_the_same_tissue(
    tmp_path: Path, rendered: tuple[Path, SlideTruth], mpp: float
) -> None:
    path = tmp_path / "other.tif"
    truth = render_slide(replace(SPEC, mpp=mpp), path)
    np.testing.assert_array_equal(truth.tile_class, rendered[1].tile_class)
    with openslide.OpenSlide(path) as slide, openslide.OpenSlide(rendered[0]) as reference:
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(mpp, rel=1e-6)
        assert slide.dimensions == (round(650 / mpp), round(560 / mpp))
        images = [
            np.asarray(s.read_region((0, 0), 0, s.dimensions).convert("L").resize((65, 56), 4), float)
            for s in (slide, reference)
        ]
    assert np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1] > 0.97


def test_the_same_seed_gives_the_same_file_and_another_seed_does_not(tmp_path: Path) -> None:
    spec = SlideSpec(seed=3, size_um=(320, 300), mpp=1.0)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        render_slide(replace(spec, seed=seed), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_a_window_does_not_depend_on_where_it_is_cut() -> None:
    painter = Painter.prepare(replace(SPEC, artefacts=("fold", "blur")))
    whole = painter.paint(400, 300, 500, 400).astype(int)
    part = painter.paint(600, 420, 200, 150).astype(int)
    difference = np.abs(whole[120:270, 200:400] - part)
    assert np.quantile(difference, 0.99) <= 6
    assert difference.mean() < 0.6


def test_tissue_is_darker_than_glass_and_rich_tiles_are_the_darkest(rendered: tuple[Path, SlideTruth]) -> None:
    path, truth = rendered
    with openslide.OpenSlide(path) as slide:
        grey = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("L"), float)
    rows, cols = grey.shape[0] // 256, grey.shape[1] // 256
    mean = grey[: rows * 256, : cols * 256].reshape(rows, 256, cols, 256).mean((1, 3))
    tissue = truth.fractions[:rows, :cols, :5].sum(-1)
    assert np.corrcoef(mean.ravel(), tissue.ravel())[0, 1] < -0.8
    shifted = np.corrcoef(mean[:, 1:].ravel(), tissue[:, :-1].ravel())[0, 1]
    assert np.corrcoef(mean.ravel(), tissue.ravel())[0, 1] < shifted


def test_more_lymphocytes_make_a_darker_margin() -> None:
    dark = []
    for density in (200, 1500, 3500):
        painter = Painter.prepare(SlideSpec(seed=12, til_density=density, mpp=1.0, size_um=(1000, 900)))
        grey = painter.paint(0, 0, 1000, 900).mean(-1)
        arch = painter.scene.arch
        y, x = np.nonzero(arch.margin & (arch.tumour < -8) & (arch.necrosis < -20))
        pixels = grey[(y * arch.cell_um + 2).astype(int).clip(0, 899), (x * arch.cell_um + 2).astype(int).clip(0, 999)]
        dark.append(float((pixels < 110).mean()))
    assert dark[1] > dark[0] + 0.03
    assert dark[2] > dark[1] + 0.03


def test_truth_survives_the_disk(tmp_path: Path, rendered: tuple[Path, SlideTruth]) -> None:
    truth = rendered[1]
    truth.save(tmp_path / "truth.npz")
    again = SlideTruth.load(tmp_path / "truth.npz")
    assert again.spec == SPEC
    assert again.til_density_margin == truth.til_density_margin
    np.testing.assert_array_equal(again.tile_class, truth.tile_class)
    np.testing.assert_array_equal(again.lymphocytes_per_mm2, truth.lymphocytes_per_mm2)
    assert [p.name for p in tmp_path.iterdir()] == ["truth.npz"]


def test_a_file_that_is_no_truth_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "truth.npz").write_bytes(b"not an archive")
    with pytest.raises(InputError, match=r"^truth\.npz: is no slide truth") as caught:
        SlideTruth.load(tmp_path / "truth.npz")
    assert "\n" not in str(caught.value)


def test_cancelling_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled(what)

    with pytest.raises(Cancelled):
        render_slide(SlideSpec(seed=1, size_um=(320, 300), mpp=1.0), tmp_path / "slide.tif", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    render_slide(
        SlideSpec(seed=1, size_um=(1500, 300), mpp=1.0),
        tmp_path / "slide.tif",
        progress=lambda done, total, what: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]


def test_the_grid_covers_the_slide(rendered: tuple[Path, SlideTruth]) -> None:
    assert rendered[1].tile_class.shape == (int(np.ceil(560 / TILE_UM)), int(np.ceil(650 / TILE_UM)))
    assert rendered[1].tile_class.dtype == np.int8
    assert rendered[1].tile_class.max() < len(CLASSES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phenotype": "hot"}, "phenotype"),
        ({"tumour_type": "glioma"}, "tumour_type"),
        ({"artefacts": ("scratch",)}, "artefacts"),
        ({"til_density": float("nan")}, "til_density"),
        ({"mpp": 50.0}, "mpp"),
        ({"size_um": (10.0, 500.0)}, "size_um"),
    ],
)
def test_an_impossible_request_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(SPEC, **change)  # type: ignore[arg-type]


def test_a_spec_survives_json() -> None:
    spec = replace(SPEC, artefacts=("pen", "fold"))
    assert SlideSpec.from_json(spec.to_json()) == spec
