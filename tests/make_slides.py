"""Small slides for tests: pyramidal JPEG TIFFs of known content that OpenSlide opens."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import tifffile

from icicore.types import Rgb

Painter = Callable[[int, int], Rgb]


def make_he_image(rng: np.random.Generator, size: tuple[int, int]) -> Rgb:
    """Quick fake H&E, shape (height, width, 3) for ``size`` (width, height): pink matrix, purple nuclei."""
    width, height = size
    coarse = rng.random((max(2, height // 40 + 2), max(2, width // 40 + 2))).astype(np.float32)
    eosin = 0.35 + 0.5 * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    eosin += 0.08 * cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 1.2)
    nuclei = np.zeros((height, width), np.float32)
    for _ in range(width * height // 350):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(4, 8)), int(rng.integers(3, 7)))
        cv2.ellipse(nuclei, centre, axes, float(rng.integers(180)), 0, 360, float(rng.uniform(0.8, 1.6)), -1)
    nuclei = cv2.GaussianBlur(nuclei, (0, 0), 0.8) * (
        1 + 0.15 * rng.standard_normal((height, width)).astype(np.float32)
    )
    density = nuclei[..., None] * np.array([0.65, 0.70, 0.29]) + eosin[..., None] * np.array([0.07, 0.85, 0.30])
    return np.clip(245 * np.exp(-density), 0, 255).astype(np.uint8)


def he_on_glass(rng: np.random.Generator, size: tuple[int, int], *, margin: float = 0.2) -> Rgb:
    """Fake H&E with glass around it; ``margin`` is its share on each side."""
    width, height = size
    image = np.full((height, width, 3), 243, np.uint8)
    left, top = int(width * margin), int(height * margin)
    inner = (width - 2 * left, height - 2 * top)
    image[top : top + inner[1], left : left + inner[0]] = make_he_image(rng, inner)
    return image


def make_slide(
    path: Path,
    *,
    size: tuple[int, int] = (2048, 1536),
    mpp: float | None = 0.5,
    levels: Sequence[float] = (1, 4, 16),
    tile: int = 256,
    painter: Painter | None = None,
    software: str = "icicore tests",
    rgb_jpeg: bool = False,
    compression: str | None = "jpeg",
    quality: int = 85,
) -> Path:
    """Write a pyramidal tiled TIFF; the same arguments give the same pixels.

    ``size`` is (width, height); ``levels`` are downsamples, odd ones allowed; ``painter(width, height)`` paints
    level 0 (default: fake H&E on glass); ``mpp`` None leaves the pixel size out; ``software`` is the image
    description; ``rgb_jpeg`` stores RGB in the JPEG as some scanners do.
    """
    width, height = size
    image = painter(width, height) if painter else he_on_glass(np.random.default_rng(width * 31 + height), size)
    options: dict[str, object] = {"tile": (tile, tile), "photometric": "rgb", "metadata": None}
    if compression == "jpeg":
        # Pixels are given as RGB; "outcolorspace" is what the file stores.
        options["compression"] = "jpeg"
        options["compressionargs"] = {"level": quality, "outcolorspace": "rgb" if rgb_jpeg else "ycbcr"}
        options["subsampling"] = None if rgb_jpeg else (2, 2)
    if mpp is not None:
        options["resolution"] = (1e4 / mpp, 1e4 / mpp)
        options["resolutionunit"] = "CENTIMETER"
    with tifffile.TiffWriter(path, bigtiff=False) as tiff:
        for number, factor in enumerate(levels):
            level_size = (max(1, round(width / factor)), max(1, round(height / factor)))
            pixels = image if factor == 1 else cv2.resize(image, level_size, interpolation=cv2.INTER_AREA)
            extra = {"description": software} if number == 0 else {"subfiletype": 1}
            tiff.write(pixels, **options, **extra)
    return path


def make_scn(
    path: Path,
    *,
    size: tuple[int, int] = (1024, 768),
    mpp: float = 0.5,
    offset_um: tuple[float, float] = (300.0, 200.0),
    collection_um: tuple[float, float] = (2000.0, 1500.0),
    painter: Painter | None = None,
) -> Path:
    """Write a Leica-SCN-like BigTIFF: a scanned area of ``size`` px inside a larger glass, with a macro image.

    OpenSlide gives the whole glass as level 0 and the area as ``bounds``, whose corner is ``offset_um / mpp``.
    """
    image = painter(*size) if painter else he_on_glass(np.random.default_rng(5), size, margin=0.1)
    glass = tuple(round(v * 1000) for v in collection_um)
    view = tuple(round(v * mpp * 1000) for v in size)
    offset = tuple(round(v * 1000) for v in offset_um)
    small = (size[0] // 4, size[1] // 4)
    macro = _scn_image([(256, 192)], 0, glass, (0, 0), "0.60833")
    main = _scn_image([size, small], 1, view, offset, "20")
    xml = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:1">'
        f'<collection name="c" uuid="urn:uuid:2" sizeX="{glass[0]}" sizeY="{glass[1]}">{macro}{main}</collection></scn>'
    )
    options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        tiff.write(np.full((192, 256, 3), 200, np.uint8), description=xml, **options)
        for level in (image, cv2.resize(image, small, interpolation=cv2.INTER_AREA)):
            scale = size[0] / level.shape[1]
            dots = (1e4 / mpp / scale, 1e4 / mpp / scale)
            tiff.write(level, resolution=dots, resolutionunit="CENTIMETER", **options)
    return path


def _scn_image(
    levels: Sequence[tuple[int, int]], first_ifd: int, view: Sequence[int], offset: Sequence[int], objective: str
) -> str:
    dimensions = "".join(
        f'<dimension sizeX="{w}" sizeY="{h}" r="{r}" ifd="{first_ifd + r}"/>' for r, (w, h) in enumerate(levels)
    )
    width, height = levels[0]
    return (
        '<image name="i" uuid="urn:uuid:1"><creationDate>2020-01-01T00:00:00Z</creationDate>'
        '<device model="Leica SCN400;Leica SCN" version="1.4"/>'
        f'<pixels sizeX="{width}" sizeY="{height}">{dimensions}</pixels>'
        f'<view sizeX="{view[0]}" sizeY="{view[1]}" offsetX="{offset[0]}" offsetY="{offset[1]}" spacingZ="0"/>'
        f"<scanSettings><objectiveSettings><objective>{objective}</objective></objectiveSettings>"
        "<illuminationSettings><numericalAperture>0.4</numericalAperture>"
        "<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>"
    )
