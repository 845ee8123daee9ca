"""What an evaluation leaves beside a bundle: JSON that holds for one state of the bundle only. Needs no torch."""

import json
from collections.abc import Callable, Set
from pathlib import Path

from icicore.errors import BundleError
from icicore.types import Json

SCHEMA = 1
_REMEDY = "run icicore evaluate with --write-card again"


def read_tested(path: Path, digest: str, *, tested: Callable[[Json], str], needed: Set[str]) -> Json | None:
    """The content of such a file; None when there is none.

    Parameters
    ----------
    path : the file
    digest : state of the bundle that the file must speak of
    tested : finds the digest of the tested state in the content
    needed : keys without which a page cannot show it

    Raises
    ------
    BundleError
        the file cannot be read, is of another version of this program, or belongs to another state of the bundle
    """
    if not path.is_file():
        return None
    try:
        content: Json = dict(json.loads(path.read_text(encoding="utf-8")))
        other_version = int(content["schema"]) != SCHEMA or not needed <= content.keys()
        state = "" if other_version else tested(content)
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise BundleError(path, f"cannot be read ({type(error).__name__})", remedy=_REMEDY) from error
    if other_version:
        raise BundleError(path, "was written by another version of this program", remedy=_REMEDY)
    if state != digest:
        raise BundleError(path, "is that of another state of this model", remedy=_REMEDY)
    return content
