"""Why a file is not a slide, in one line: runs only after OpenSlide refused it."""

import logging
from pathlib import Path

from icicore.errors import SlideError

_KINDS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"PK\x03\x04": "a ZIP archive (or office document)",
    b"%PDF": "a PDF document",
    b"GIF8": "a GIF picture",
    b"\x1f\x8b": "a gzip archive",
    b"SQLite format 3": "a database",
}
_EXPECTED = "a whole-slide image that OpenSlide reads (SVS, NDPI, SCN, MRXS, tiled TIFF, DICOM ...)"
_TIFF_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def explain_unopenable(path: Path, detail: str) -> SlideError:
    """Build the error for a file that OpenSlide could not open; ``detail`` is OpenSlide's own word."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(512)
    except FileNotFoundError:
        return SlideError(path, "does not exist", expected=_EXPECTED, remedy="check the path")
    except OSError as error:
        reason = error.strerror or str(error)
        return SlideError(path, f"cannot be read ({reason})", expected=_EXPECTED, remedy="check its permissions")
    if size == 0:
        return SlideError(path, "is empty (0 bytes)", expected=_EXPECTED, remedy="copy or export it again")
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            return _not_a_slide(path, f"is {kind}, whatever its name says")
    if head.startswith(_TIFF_MAGIC):
        return _explain_tiff(path, detail)
    if _is_text(head):
        return _not_a_slide(path, "is a text file, whatever its name says")
    return _not_a_slide(path, f"is not a slide or is damaged ({detail})")


def _not_a_slide(path: Path, problem: str) -> SlideError:
    return SlideError(path, problem, expected=_EXPECTED, remedy="export the slide from the scanner again")


def _is_text(head: bytes) -> bool:
    return b"\x00" not in head and sum(32 <= b < 127 or b in b"\t\r\n" or b >= 128 for b in head) == len(head)


def _explain_tiff(path: Path, detail: str) -> SlideError:
    import tifffile  # imported here: it takes a third of a second and only errors need it

    noisy = logging.getLogger("tifffile")
    silenced, noisy.disabled = noisy.disabled, True
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            colours, tiled = int(page.samplesperpixel), bool(page.is_tiled)
            ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, OSError, RuntimeError) as error:
        what = f"is a TIFF cut short or damaged ({error})"
        return SlideError(path, what, expected="a complete file", remedy="copy it from its source again")
    finally:
        noisy.disabled = silenced
    missing = max(ends, default=0) - path.stat().st_size
    if missing > 0:
        what = f"is a TIFF cut short (at least {missing / 1e6:.3g} MB are missing)"
        return SlideError(path, what, expected="a complete file", remedy="copy it from its source again")
    if colours < 3:
        kind = "holds grey channels, as fluorescence scans do, not colours"
        return SlideError(path, kind, expected="a bright-field H&E slide in RGB", remedy="choose the H&E scan")
    if "nsupported" in detail and "TIFF" in detail:
        return SlideError(path, detail, expected=_EXPECTED, remedy="export it with JPEG compression")
    layout = "in tiles that cannot be used" if tiled else "without tiles"
    return SlideError(path, f"is a TIFF {layout} ({detail})", expected=_EXPECTED, remedy="export it as a tiled pyramid")
