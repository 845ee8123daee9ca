"""Errors that a user can act on: each is one line that names what, what was expected and what to do."""

from pathlib import Path


class IcicoreError(Exception):
    """Base of all errors of this package. ``str(error)`` is one line fit for a user."""


class Cancelled(IcicoreError):
    """The user stopped the work; everything finished so far is kept."""

    def __init__(self, what: str = "the work") -> None:
        super().__init__(f"{what} was cancelled; run it again to continue where it stopped")


class InputError(IcicoreError):
    """A file or value that cannot be used.

    Parameters
    ----------
    source : path of the file, or the name of the value
    problem : what is wrong, as found
    expected : what was expected instead
    remedy : what the user can do
    """

    def __init__(self, source: Path | str, problem: str, *, expected: str = "", remedy: str = "") -> None:
        self.source = Path(source).name if isinstance(source, Path) else source
        self.problem, self.expected, self.remedy = problem, expected, remedy
        line = f"{self.source}: {problem}"
        line += f"; expected {expected}" if expected else ""
        line += f"; {remedy}" if remedy else ""
        super().__init__(" ".join(line.split()))


class SlideError(InputError):
    """A slide that cannot be opened or used."""


class MissingMpp(SlideError):
    """The slide does not state a plausible pixel size; the user must give it."""


class TooCoarse(SlideError):
    """The slide is coarser than the tiles that were asked for."""


class NoTissue(SlideError):
    """No tissue was found on the slide."""


class GenomicsError(InputError):
    """A mutation or expression file that cannot be used."""


class ClinicalError(InputError):
    """A clinical value out of range or unreadable."""


class CaseError(InputError):
    """A case folder that cannot be used."""


class StudyError(InputError):
    """A study folder that cannot be used."""


class BundleError(InputError):
    """A model bundle that cannot be loaded or does not fit."""


class BackboneUnavailable(InputError):
    """The weights of a backbone are not on this machine."""


class StorageError(InputError):
    """The home folder or the database cannot be written: disk full, read only, locked or damaged."""


class AnnotationError(InputError):
    """An annotation, or a file of annotations, that cannot be used."""


class NotAllowed(InputError):
    """A path outside the allowed roots."""
