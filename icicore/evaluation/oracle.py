"""How much of what is possible a model reaches, where the best possible score is known."""

from collections.abc import Mapping

import numpy as np

from icicore.evaluation.bootstrap import Estimate
from icicore.evaluation.metrics import auc_roc
from icicore.types import F64, I32, Json, Mask


def efficiency(auc: float, oracle_auc: float) -> float:
    """Share (AUC - 0.5) / (oracle AUC - 0.5) of the possible gain over chance; NaN where nothing is to be gained."""
    return (auc - 0.5) / (oracle_auc - 0.5) if oracle_auc > 0.5 else float("nan")


def oracle_section(y: Mask, models: Mapping[str, F64], oracle: Mapping[str, F64], *, draws: I32, main: str) -> Json:
    """Oracle AUCs and the efficiency of every model on the same patients and resamples.

    Parameters
    ----------
    y : bool (n,)
    models : score (n,) per model
    oracle : probability (n,) from planted causes: ``attainable`` given what each patient's data show, ``causes`` given
        every cause, also where a modality is missing or spoiled, and given each modality alone
    draws : bootstrap rows
    main : the model whose efficiency is the headline; it is measured against what is attainable
    """
    aucs = {name: auc_roc(y, score) for name, score in oracle.items()}
    shares = {name: _efficiencies(y, models, oracle[name], draws=draws) for name in ("attainable", "causes")}
    return {
        "n": len(y),
        "auc_roc": aucs.pop("attainable"),
        "auc_roc_causes": aucs.pop("causes"),
        **aucs,
        "efficiency": shares["attainable"][main]["value"],
        "efficiency_of": shares["attainable"],
        "efficiency_of_causes": shares["causes"],
        "main": main,
    }


def _efficiencies(y: Mask, models: Mapping[str, F64], oracle: F64, *, draws: I32) -> dict[str, Json]:
    best, whole = np.array([auc_roc(y[rows], oracle[rows]) for rows in draws]), auc_roc(y, oracle)
    return {name: _ratio(y, score, draws=draws, best=best, whole=whole) for name, score in models.items()}


def _ratio(y: Mask, score: F64, *, draws: I32, best: F64, whole: float) -> Json:
    values = np.array([auc_roc(y[rows], score[rows]) for rows in draws])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (values - 0.5) / (best - 0.5)
    ratios = ratios[np.isfinite(ratios)]
    low, high = np.percentile(ratios, [2.5, 97.5]) if len(ratios) else (np.nan, np.nan)
    return Estimate(efficiency(auc_roc(y, score), whole), (float(low), float(high))).to_json()
