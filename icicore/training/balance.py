"""Both classes equally frequent in training, within each cohort.

Cohorts of a pool differ in response rate and in what was measured. Balanced over all of them, responders would come
mostly from the cohorts that respond more often, and a model would read the cohort off what a patient lacks: that nobody
of a cohort has expression would speak for its response rate, also in the next hospital.
"""

from dataclasses import dataclass

import numpy as np

from icicore.types import I32, Mask


@dataclass(frozen=True, eq=False)
class BalancedRows:
    """Rows of which those of the rarer class are repeated until both classes are equally frequent in each cohort.

    Attributes
    ----------
    rows : int32 (n,), may hold a row several times
    labels : bool (N,), of all patients
    cohorts : int32 (N,), of all patients; a cohort of which ``rows`` hold one class alone stays as it is
    """

    rows: I32
    labels: Mask
    cohorts: I32

    def draw(self, rng: np.random.Generator) -> I32:
        """Rows of one epoch, shuffled; int32 (len(self),)."""
        parts = [part for few, many in self._classes() for part in (many, few, _repeated(few, many, rng))]
        return rng.permutation(np.concatenate(parts))

    def __len__(self) -> int:
        return sum(2 * len(many) if len(few) else len(many) for few, many in self._classes())

    def _classes(self) -> list[tuple[I32, I32]]:
        """Rows of the rarer and of the more frequent class, of each cohort."""
        cohort, responder = self.cohorts[self.rows], self.labels[self.rows]
        found = []
        for own in (cohort == c for c in np.unique(cohort)):
            few, many = sorted((self.rows[own & responder], self.rows[own & ~responder]), key=len)
            found.append((few, many))
        return found


def _repeated(few: I32, many: I32, rng: np.random.Generator) -> I32:
    """As many of the rarer class again as the other one has more; without replacement while that is possible."""
    if not len(few):
        return few
    return rng.choice(few, len(many) - len(few), replace=len(many) > 2 * len(few))
