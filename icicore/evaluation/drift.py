"""Has a site moved away from the training patients? One rule for every measure, corrected for all that is tested.

A case's score on a measure is standard normal when the case is drawn as the training patients were. A site is flagged
on a measure when the mean score of its cases is too far from 0 for chance and large enough to matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from icicore.types import Json

FEWEST_CASES = 5
"""Sites with fewer scored cases are listed and not judged."""
ALPHA = 0.01
"""Chance of any flag at all, over all sites and measures, when nothing has moved."""
SMALLEST_SHIFT = 0.3
"""In standard deviations among training patients: a mean shift below it is never flagged."""


@dataclass(frozen=True)
class SiteCase:
    """One scored case: its site and its score by measure."""

    site: str
    scores: Mapping[str, float]


def site_shifts(cases: Sequence[SiteCase], reference: Mapping[str, int]) -> list[Json]:
    """One row per site and measure with enough cases.

    Parameters
    ----------
    reference : training patients behind each measure

    Returns
    -------
    rows with ``site``, ``measure``, ``n``, ``shift`` (mean score), ``interval95``, ``z``, ``limit`` and ``moved``
    """
    found: list[tuple[str, str, list[float]]] = []
    for site in sorted({case.site for case in cases}):
        own = [case.scores for case in cases if case.site == site]
        for measure in reference:
            scores = [s[measure] for s in own if measure in s]
            if len(scores) >= FEWEST_CASES:
                found.append((site, measure, scores))
    limit = float(ndtri(1 - ALPHA / (2 * max(1, len(found)))))
    return [_row(site, measure, scores, reference[measure], limit) for site, measure, scores in found]


def _row(site: str, measure: str, scores: Sequence[float], n_reference: int, limit: float) -> Json:
    shift, n = float(np.mean(scores)), len(scores)
    # The training patients are a sample too: few of them place a case less exactly.
    error = float(np.sqrt(1 / n + 1 / max(1, n_reference)))
    half = 1.96 * error
    return {
        "site": site,
        "measure": measure,
        "n": n,
        "shift": shift,
        "interval95": [shift - half, shift + half],
        "z": shift / error,
        "limit": limit,
        "moved": abs(shift / error) > limit and abs(shift) >= SMALLEST_SHIFT,
    }
