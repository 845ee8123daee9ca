"""Clinical columns of studies as hospitals and databases name them, to the ones that this package reads.

Pure: rows are mappings from column name to text. What cannot be used is left blank and said in one line.
"""

import re
import statistics
from collections.abc import Callable, Mapping, Sequence

from icicore.clinical.table import parse_clinical, parse_routine
from icicore.errors import ClinicalError

Row = Mapping[str, str]

_BLANK = frozenset({"", "na", "n/a", "nan", "none", "null", "unknown", "not available", "[not available]", ".", "?"})
_NAMES: Mapping[str, tuple[str, ...]] = {
    "AGE": ("AGE", "AGE_AT_TREATMENT", "AGE_AT_ICI", "AGE_AT_START", "AGE_AT_DIAGNOSIS", "AGE_YEARS"),
    "SEX": ("SEX", "GENDER"),
    "ECOG": ("ECOG", "ECOG_PS", "ECOG_STATUS", "ECOG_PERFORMANCE_STATUS", "BASELINE_ECOG", "PERFORMANCE_STATUS"),
    "LDH_ULN": ("LDH_ULN", "LDH_RATIO", "LDH_X_ULN", "LDH_TIMES_ULN"),
    "ALBUMIN": ("ALBUMIN", "SERUM_ALBUMIN", "BASELINE_ALBUMIN"),
    "NLR": ("NLR", "NEUTROPHIL_LYMPHOCYTE_RATIO", "NEUTROPHIL_TO_LYMPHOCYTE_RATIO"),
    "SYSTEMIC_HISTORY": ("SYSTEMIC_HISTORY", "SYSTEMIC_THERAPY_HISTORY", "PRIOR_SYSTEMIC_THERAPY", "CHEMO_BEFORE_IO"),
    "PDL1_TPS": ("PDL1_TPS", "PD_L1_TPS", "PD_L1", "PDL1", "PD_L1_SCORE", "PDL1_SCORE", "PDL1_EXP", "PD_L1_SCORE____"),
    "SITE": ("SITE", "INSTITUTE", "INSTITUTION", "CENTER", "CENTRE", "HOSPITAL"),
    "TMB": ("TMB_PER_MB", "TMB", "TMB_NONSYNONYMOUS", "TMB_SCORE", "MUTATIONS_PER_MB"),
    "GENE_PANEL": ("GENE_PANEL", "GENE_PANEL_ID", "SEQ_ASSAY_ID"),
}  # fmt: skip
_LDH, _LDH_ELEVATED = ("LDH", "SERUM_LDH", "BASELINE_LDH", "LDH_LEVEL"), ("LDH_ELEVATED", "ELEVATED_LDH", "LDH_HIGH")
CLINICAL = ("AGE", "SEX", "ECOG", "LDH_ULN")
ROUTINE = ("ALBUMIN", "NLR", "SYSTEMIC_HISTORY", "PDL1_TPS")
_MOST_AMBIGUOUS = 0.15
_FEWEST_LDH = 20


def normal(name: str) -> str:
    """Column name in capitals with underscores: ``PD-L1 Score (%)`` is ``PD_L1_SCORE____``."""
    return re.sub(r"[^A-Z0-9]", "_", name.strip().upper())


def is_blank(cell: str) -> bool:
    """Whether a cell says nothing."""
    return cell.strip().lower() in _BLANK


def named(row_names: Sequence[str], wanted: str) -> str | None:
    """The column that holds ``wanted``, None when there is none; names are given as in ``normal``."""
    return next((name for name in _NAMES[wanted] if name in row_names), None)


def clinical_values(rows: Sequence[Row], notes: list[str]) -> list[dict[str, str]]:
    """The four clinical values, the routine values and the site of each row, blank where unknown or unusable.

    ``rows`` have normal names. Lines about what is left out go to ``notes``.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {to: column for to in (*CLINICAL, *ROUTINE, "SITE") if (column := named(names, to)) is not None}
    found = [{to: row.get(column, "").strip() for to, column in columns.items()} for row in rows]
    for values in found:
        values |= {to: "" for to, cell in values.items() if is_blank(cell)}
    if "LDH_ULN" not in columns:
        for values, ratio in zip(found, _ldh_ratios(rows, names, notes), strict=True):
            values["LDH_ULN"] = ratio
    _tenths(found, notes)
    for name in (*CLINICAL, *ROUTINE):
        _keep_valid(found, name, notes)
    return found


def _keep_valid(found: Sequence[dict[str, str]], name: str, notes: list[str]) -> None:
    """Blank the values that the strict readers refuse."""
    check: Callable[..., object] = parse_clinical if name in CLINICAL else parse_routine
    problems = []
    for values in found:
        try:
            check({name.lower(): values.get(name, "")}, source=name)
        except ClinicalError as error:
            problems.append(error.problem)
            values[name] = ""
    if problems:
        notes.append(f"{len(problems)} values of {name} cannot be used and are left blank (first: {problems[0]})")


def _ldh_ratios(rows: Sequence[Row], names: Sequence[str], notes: list[str]) -> list[str]:
    """LDH over its upper limit, which is where the study's own flag "elevated" begins."""
    value = next((name for name in _LDH if name in names), None)
    flag = next((name for name in _LDH_ELEVATED if name in names), None)
    blank = [""] * len(rows)
    if value is None:
        if flag is not None:
            notes.append(f"{flag} says high or not, without a value: LDH is left out")
        return blank
    levels = [_positive(row.get(value, "")) for row in rows]
    limit = None if flag is None else _limit(levels, [row.get(flag, "").strip().lower() for row in rows])
    if limit is None:
        notes.append(f"{value} has no upper limit of normal in the study: LDH is left out")
        return blank
    notes.append(f"LDH is divided by {limit:g}, the upper limit of normal that {flag} implies")
    return ["" if level is None else f"{level / limit:.3g}" for level in levels]


def _limit(levels: Sequence[float | None], flags: Sequence[str]) -> float | None:
    """The value that best parts the elevated from the others; None when no value does."""
    pairs = [
        (level, flag in ("1", "1.0", "yes", "true", "elevated", "high"))
        for level, flag in zip(levels, flags, strict=True)
        if level is not None and flag not in _BLANK
    ]
    if len(pairs) < _FEWEST_LDH or len({high for _, high in pairs}) < 2:
        return None
    values = sorted({level for level, _ in pairs})
    wrong = {cut: sum((level > cut) != high for level, high in pairs) for cut in values}
    least = min(wrong.values())
    if least > _MOST_AMBIGUOUS * len(pairs):
        return None
    return statistics.median_low([cut for cut in values if wrong[cut] == least])


def _positive(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _tenths(found: Sequence[dict[str, str]], notes: list[str]) -> None:
    """Albumin in g/dL, also where the study has g/L."""
    levels = [v for values in found if (v := _positive(values.get("ALBUMIN", ""))) is not None]
    if not levels or statistics.median(levels) < 10:
        return
    notes.append("albumin is taken to be in g/L and divided by ten")
    for values in found:
        level = _positive(values.get("ALBUMIN", ""))
        values["ALBUMIN"] = "" if level is None else f"{level / 10:g}"
