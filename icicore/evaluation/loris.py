"""The LORIS score: a published logistic regression on six routine values, as a yardstick beside every model.

Chang et al., "LORIS robustly predicts patient outcomes with immune checkpoint blockade therapy using common clinical,
pathologic and genomic features", Nature Cancer 2024; written anew from the formula in the paper. It was made on
objective response across 18 tumour types; a model that does not beat it is not worth its slide.
"""

import math

TUMOUR_TERMS = {
    "bladder": -0.3323,
    "breast": -0.3323,
    "colorectal": -0.102,
    "endometrial": -0.0079,
    "esophageal": 0.55,
    "gastric": 0.2306,
    "head and neck": 0.0678,
    "hepatobiliary": -0.1189,
    "melanoma": -0.0086,
    "mesothelioma": 0.1255,
    "nsclc": 0.0008,
    "ovarian": -0.052,
    "pancreatic": -1.1169,
    "renal": 0.5451,
    "sarcoma": 0.0542,
    "sclc": -0.0033,
}
"""Calibration term by tumour type; the score is not defined for others."""
_SYNONYMS = {"urothelial": "bladder", "oesophageal": "esophageal", "head & neck": "head and neck"}
_MOST_TMB, _MOST_NLR, _MOST_AGE = 50.0, 25.0, 85.0


def loris(
    *,
    tmb: float | None,
    systemic_history: float | None,
    albumin: float | None,
    nlr: float | None,
    age: float | None,
    tumour_type: str,
) -> float | None:
    """Pan-cancer score, 0 to 1; None when an input is missing (None or NaN) or the tumour type has no term.

    Parameters
    ----------
    tmb : mutations per Mb, counted up to 50
    systemic_history : 1 if chemotherapy or targeted therapy was given before, else 0
    albumin : g/dL
    nlr : absolute neutrophils over lymphocytes in blood, counted up to 25
    age : years, counted up to 85
    tumour_type : a key of ``TUMOUR_TERMS``
    """
    name = tumour_type.strip().lower()
    term = TUMOUR_TERMS.get(_SYNONYMS.get(name, name))
    if term is None or not _known(tmb, systemic_history, albumin, nlr, age):
        return None
    score = (
        0.0371 * min(tmb or 0.0, _MOST_TMB)
        - 0.8775 * (systemic_history or 0.0)
        + 0.5382 * (albumin or 0.0)
        - 0.033 * min(nlr or 0.0, _MOST_NLR)
        + 0.0049 * min(age or 0.0, _MOST_AGE)
        + term
        - 2.0886
    )
    return 1 / (1 + math.exp(-score))


def loris_nsclc(
    *,
    tmb: float | None,
    pdl1_tps: float | None,
    systemic_history: float | None,
    albumin: float | None,
    nlr: float | None,
) -> float | None:
    """Score made for NSCLC, 0 to 1, with the PD-L1 tumour proportion score (percent); None when one is missing."""
    if not _known(tmb, pdl1_tps, systemic_history, albumin, nlr):
        return None
    score = (
        0.0353 * min(tmb or 0.0, _MOST_TMB)
        + 0.0111 * (pdl1_tps or 0.0)
        - 0.375 * (systemic_history or 0.0)
        + 0.2924 * (albumin or 0.0)
        - 0.0103 * min(nlr or 0.0, _MOST_NLR)
        - 1.5593
    )
    return 1 / (1 + math.exp(-score))


def _known(*values: float | None) -> bool:
    return all(value is not None and not math.isnan(value) for value in values)
