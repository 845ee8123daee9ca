"""Score a case, or return the prediction of the very same inputs from before.

A prediction is remembered under a key over everything it depends on: the bundle, each input file's content,
the modalities left out and the version of this package. Looking it up imports no torch.
"""

import json
from collections.abc import Collection
from pathlib import Path

from icicore import __version__
from icicore.domain import HISTOLOGY, MODALITIES, Case
from icicore.errors import InputError
from icicore.fingerprint import file_digest, fingerprint, write_json
from icicore.slides.digest import slide_digest
from icicore.slides.reader import open_slide
from icicore.types import Json, Progress, no_progress
from icicore.workflows.casefolder import case_key, read_case
from icicore.workflows.records import record_score
from icicore.workflows.services import BundleRef, Services

SCHEMA = 1


def predict_case(
    services: Services,
    folder: Path,
    *,
    bundle: str | None = None,
    drop: Collection[str] = (),
    progress: Progress = no_progress,
) -> Json:
    """Score a case folder; the result is prediction.json as DESIGN describes it.

    Parameters
    ----------
    folder : case folder
    bundle : name of the bundle, default the promoted one
    drop : modalities to leave out
    progress : called as the work goes on; may raise ``Cancelled``

    Raises
    ------
    InputError
        The case cannot be scored; the message is one line for the user.
    """
    case = read_case(folder)
    ref = services.bundle_ref(bundle)
    check_modalities(drop)
    key = prediction_key(services, case, ref, drop)
    remembered = _path(services, key)
    if remembered.exists():
        return dict(json.loads(remembered.read_text(encoding="utf-8")))
    from icicore.workflows.inference import score

    prediction = score(services, case, ref, drop=drop, progress=progress).prediction
    remember(services, key, prediction)
    record_score(services, case_key(folder), prediction)
    return prediction


def remember(services: Services, key: str, prediction: Json) -> None:
    """Keep a prediction under its key."""
    write_json(_path(services, key), prediction)


def prediction_key(services: Services, case: Case, ref: BundleRef, drop: Collection[str] = ()) -> str:
    """Key over everything that a prediction depends on."""
    slides = [] if HISTOLOGY in drop else [_slide_key(services, case, path) for path in case.slides]
    files = {p.name: file_digest(p) for p in (case.mutations, case.expression) if p is not None}
    return fingerprint(
        SCHEMA,
        __version__,
        ref.name,
        ref.digest,
        sorted(set(drop)),
        file_digest(case.folder / "case.json"),
        files,
        slides,
    )


def check_modalities(drop: Collection[str]) -> None:
    """Refuse what is not a modality."""
    for name in drop:
        if name not in MODALITIES:
            raise InputError(
                "--drop", f"{name!r} is no modality", expected=", ".join(MODALITIES), remedy="choose one of them"
            )


def _slide_key(services: Services, case: Case, path: Path) -> list[object]:
    mpp = case.mpp.get(path.name)
    # A slide that cannot be opened gets its one-line reason here, before anything is computed.
    open_slide(path, mpp=mpp).close()
    return [path.name, services.slides.digest(path, slide_digest, mpp=mpp), mpp]


def _path(services: Services, key: str) -> Path:
    return services.settings.home / "predictions" / f"{key}.json"
