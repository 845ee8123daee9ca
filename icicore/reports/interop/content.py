"""What leaves the app in files for other systems, and how it is packed.

Of the patient only the pseudonymous case id leaves, and in the table of clinical values those that the model read.
Slides are named by their digest: a file name may tell who the patient is.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from icicore.types import F32, Json

_SPACE = UUID("6a1d7f0e-6b0c-5d8e-9d5b-1c1c0fe52026")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class SlideResult:
    """Result of one slide.

    Attributes
    ----------
    layers : content of layers.json
    tiles : content of tiles.json, a column per value
    grids : layer id to float32 grid (rows, cols), NaN where there is no tile
    annotations : GeoJSON of what people drew, None when there is nothing
    """

    layers: Json
    tiles: Json
    grids: Mapping[str, F32]
    annotations: Json | None = None

    @property
    def slide_id(self) -> str:
        """First 16 digits of the digest."""
        return str(self.layers["digest"])[:16]


@dataclass(frozen=True)
class CaseContent:
    """A result with all that its page shows.

    Attributes
    ----------
    prediction : content of prediction.json
    result_digest : digest of the result, without the times of the run
    features : content of features.json
    slides : results of the slides, in order
    judgements : of the signed reviews, oldest first: ``judgement`` and ``signed``; no text and no name
    """

    prediction: Json
    result_digest: str
    features: tuple[Json, ...] = ()
    slides: tuple[SlideResult, ...] = ()
    judgements: tuple[Json, ...] = field(default=())

    @property
    def case_id(self) -> str:
        """The pseudonym."""
        return str(self.prediction["case_id"])

    @property
    def bundle(self) -> Json:
        """Name and digest of the model."""
        return dict(self.prediction.get("bundle") or {})

    @property
    def reasons(self) -> list[Json]:
        """Reasons of the status; a message that names a slide file names the slide's id instead."""
        reasons = [dict(r) for r in self.prediction.get("reasons") or []]
        for slide in self.prediction.get("slides") or []:
            name, slide_id = Path(str(slide["path"])).name, f"slide {str(slide['digest'])[:16]}"
            for reason in reasons:
                reason["message"] = str(reason["message"]).replace(name, slide_id)
        return reasons

    @property
    def scored_at(self) -> datetime:
        """When the result was made, UTC; every date in an exported file is this one, so its bytes never change."""
        stated = self.prediction.get("scored_at")
        return datetime.fromisoformat(str(stated)).astimezone(UTC) if stated else datetime(1970, 1, 1, tzinfo=UTC)

    def uuid(self, *parts: str) -> UUID:
        """Identifier derived from the result and ``parts``: the same export has the same identifiers."""
        return uuid5(_SPACE, "\0".join((self.result_digest, *parts)))


def derived_uuid(*parts: str) -> UUID:
    """Identifier derived from ``parts`` alone, for what several results share, such as a slide."""
    return uuid5(_SPACE, "\0".join(parts))


def pack(files: Mapping[str, bytes]) -> bytes:
    """Zip of files; the same files give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()


def finite_range(grid: F32) -> tuple[float, float]:
    """Smallest and largest finite value; (0, 0) when there is none."""
    known = grid[np.isfinite(grid)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
