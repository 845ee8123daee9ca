"""Statistics of training cases as a bundle stores them: mean, scale, and what no training case had."""

from collections.abc import Mapping, Sequence

import numpy as np

from icicore.types import F32, Json, Mask


def scaler_json(mean: F32, scale: F32, seen: Mask) -> Json:
    """``mean``, ``scale`` and, where there are any, ``unseen``: the numbers of what no training case had."""
    unseen = [int(k) for k in np.flatnonzero(~seen)]
    return {"mean": [float(v) for v in mean], "scale": [float(v) for v in scale]} | (
        {"unseen": unseen} if unseen else {}
    )


def scaler_arrays(stored: Mapping[str, Sequence[float]]) -> tuple[F32, F32, Mask]:
    """Inverse of :func:`scaler_json`, exact."""
    mean, scale = (np.array(stored[key], np.float32) for key in ("mean", "scale"))
    seen = np.ones(len(mean), np.bool_)
    seen[np.array(stored.get("unseen", ()), np.int64)] = False
    return mean, scale, seen
