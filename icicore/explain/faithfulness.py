"""Do explanations point at what the model really uses? Deletion: leave out what ranks highest, watch the score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.types import F32, Json

FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class DeletionCurve:
    """Change of the calibrated logit after leaving out a share of the tiles.

    Attributes
    ----------
    fractions : shares that were left out
    supporting : change without the tiles that speak most for response; faithful when below ``random``
    opposing : change without those that speak most against it; faithful when above ``random``
    random : mean change without as many tiles at random
    """

    fractions: tuple[float, ...]
    supporting: tuple[float, ...]
    opposing: tuple[float, ...]
    random: tuple[float, ...]

    @property
    def gap(self) -> float:
        """Mean of ``opposing - supporting`` in logit; positive when the explanation is faithful, 0 by chance."""
        return float(np.mean(np.subtract(self.opposing, self.supporting)))

    def to_json(self) -> Json:
        """Plain values."""
        return {name: list(values) for name, values in vars(self).items()} | {"gap": self.gap}


def deletion_curve(
    bundle: ModelBundle,
    inputs: CaseInputs,
    contribution: F32,
    *,
    rng: np.random.Generator,
    fractions: Sequence[float] = FRACTIONS,
    repeats: int = 5,
) -> DeletionCurve:
    """Score the case without its highest, lowest and random tiles, ranked by ``contribution`` (n,).

    Tiles are left out, not blanked, so the model sees only real tissue; at least one is left out and one kept.

    Raises
    ------
    ValueError : fewer than two tiles, or a contribution of another length.
    """
    n = 0 if inputs.tiles is None else len(inputs.tiles)
    if n < 2 or len(contribution) != n:
        raise ValueError(f"{len(contribution)} contributions for {n} tiles; at least two tiles are needed")
    whole, ascending = bundle.score(inputs).logit, np.argsort(contribution, kind="stable")

    def change(order: np.ndarray[tuple[int], np.dtype[np.int64]], count: int) -> float:
        kept = np.sort(order[count:])
        return bundle.score(replace(inputs, tiles=inputs.tiles[kept])).logit - whole  # type: ignore[index]

    counts = [min(n - 1, max(1, round(f * n))) for f in fractions]
    return DeletionCurve(
        fractions=tuple(fractions),
        supporting=tuple(change(ascending[::-1], c) for c in counts),
        opposing=tuple(change(ascending, c) for c in counts),
        random=tuple(float(np.mean([change(rng.permutation(n), c) for _ in range(repeats)])) for c in counts),
    )
