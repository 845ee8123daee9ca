"""Which sample of a file belongs to the case; a file of another patient must never be taken for it."""

from collections.abc import Sequence
from pathlib import Path

from icicore.errors import GenomicsError

_SEPARATORS = "-_.:/ "
# Names that callers write when they were told none; they say nothing about whose sample it is.
_ANONYMOUS = frozenset({"tumor", "tumour", "tumor_sample", "tumour_sample", "tumor_dna", "sample", "unknown", "", "."})


def belongs(barcode: str, case_id: str) -> bool:
    """Whether a barcode is the case id or extends it after a separator: ``Pt1_T`` is of ``Pt1``, ``Pt10`` not."""
    name, owner = barcode.strip().lower(), case_id.strip().lower()
    if name == owner:
        return True
    longer, shorter = (name, owner) if len(name) > len(owner) else (owner, name)
    return bool(shorter) and longer.startswith(shorter) and longer[len(shorter)] in _SEPARATORS


def choose_sample(
    samples: Sequence[str], *, source: Path, case_id: str | None = None, sample_barcode: str | None = None
) -> str:
    """The sample of this case among those in the file.

    Raises
    ------
    GenomicsError
        The stated barcode is not in the file; the only sample is another patient's; several samples and not
        exactly one that belongs to the case.
    """
    remedy = 'name the right one as "sample_barcode" in case.json'
    if sample_barcode is not None:
        if sample_barcode not in samples:
            raise GenomicsError(source, f"has no sample {sample_barcode!r}", expected=_listed(samples), remedy=remedy)
        return sample_barcode
    if len(samples) == 1:
        return _only(samples[0], case_id, source)
    if case_id is None:
        problem = f"holds {len(samples)} samples ({_listed(samples)})"
        raise GenomicsError(source, problem, expected="one patient's sample", remedy=remedy)
    own = [name for name in samples if belongs(name, case_id)]
    if len(own) != 1:
        problem = f"holds {len(samples)} samples ({_listed(own or samples)}), {len(own) or 'none'} of case {case_id!r}"
        raise GenomicsError(source, problem, expected="exactly one", remedy=remedy)
    return own[0]


def _only(barcode: str, case_id: str | None, source: Path) -> str:
    if case_id is None or barcode.strip().lower() in _ANONYMOUS or belongs(barcode, case_id):
        return barcode
    raise GenomicsError(
        source,
        f"other patient's barcode {barcode!r}",
        expected=f"a barcode that starts with case id {case_id!r}",
        remedy='give this case its own file, or set "sample_barcode" in case.json if the barcode is right',
    )


def _listed(names: Sequence[str], limit: int = 3) -> str:
    shown = ", ".join(repr(name) for name in names[:limit])
    return f"{shown}, ..." if len(names) > limit else shown
