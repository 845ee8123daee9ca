"""Search for a training recipe with Optuna, judged on the validation patients; the test patients are never looked at.

Trials lie in an SQLite file beside the result, so that the same command continues after an interruption. Every trial
draws from a sampler seeded with its number among the finished ones, so that an interrupted search asks for what an
undisturbed one would have asked for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from icicore import __version__
from icicore.errors import InputError
from icicore.fingerprint import fingerprint, write_bytes, write_json
from icicore.models.multimodal import ModelConfig
from icicore.training.config import Kind, TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.fit import Member, fit_member, model_config
from icicore.training.leakage import checked_split
from icicore.training.plan import arms_of
from icicore.training.splits import Split
from icicore.training.study import EmbedSlide, log_left_out, read_study
from icicore.types import Json, Progress, no_progress

Distribution: TypeAlias = (
    optuna.distributions.FloatDistribution
    | optuna.distributions.IntDistribution
    | optuna.distributions.CategoricalDistribution
)

SPACE: Mapping[str, Distribution] = {
    "learning_rate": optuna.distributions.FloatDistribution(1e-4, 3e-3, log=True),
    "schedule": optuna.distributions.CategoricalDistribution(("cosine", "plateau")),
    "batch_size": optuna.distributions.CategoricalDistribution((16, 32, 64)),
    "dropout": optuna.distributions.FloatDistribution(0.0, 0.6, step=0.05),
    "weight_decay": optuna.distributions.FloatDistribution(1e-3, 0.3, log=True),
    "depth": optuna.distributions.IntDistribution(1, 3),
    "width": optuna.distributions.CategoricalDistribution((0.5, 1.0, 2.0)),
}
"""What is searched; names are fields of ``TrainConfig``."""
_STARTUP = 4  # finished trials before a trial is pruned against their median
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, eq=False)
class _Search:
    """What all trials share."""

    scaled: ScaledStudy
    split: Split
    config: TrainConfig
    trials: int
    progress: Progress

    @property
    def stages(self) -> tuple[Kind, ...]:
        """Models that a trial trains one after the other."""
        return (*arms_of(self.config.model, self.config), self.config.model)


def tune(
    study_dir: Path,
    out: Path,
    config: TrainConfig,
    *,
    trials: int,
    embed: EmbedSlide | None = None,
    progress: Progress = no_progress,
) -> Json:
    """Run trials until ``trials`` of them are finished, and write the best recipe.

    Parameters
    ----------
    study_dir, embed : see ``study.read_study``
    out : recipe to write, as ``read_config`` reads it; beside it ``<stem>.trials.tsv`` and ``<stem>.trials.sqlite``
    config : what is not searched, and the recipe that the first trial runs

    Returns
    -------
    the best recipe's changes, its validation loss and AUC, those of the recipe given, and the number of trials
    """
    study = log_left_out(read_study(study_dir, embed=embed, progress=progress))
    return tune_on(study, out, config, trials=trials, progress=progress)


def tune_on(study: StudyData, out: Path, config: TrainConfig, *, trials: int, progress: Progress = no_progress) -> Json:
    """Tune on a study in memory; see ``tune``."""
    split = checked_split(study, config.seed)
    scaled = ScaledStudy(study, Scalers.fit(study, split.train))
    search = _Search(scaled, split, config, trials, progress)
    key = fingerprint(study.digest(), config.model_dump(mode="json", exclude={"name", "device"}), __version__)
    found = _open(out, key)
    while (number := len(_finished(found))) < trials:
        found.sampler = optuna.samplers.TPESampler(seed=_seed(config.seed, number), n_startup_trials=8)
        if number == 0:
            found.enqueue_trial(_first(config))
        _run_trial(found, search, number)
        _write(found, out, config)
    if not any(trial.state == TrialState.COMPLETE for trial in _finished(found)):
        raise InputError("tuning", "no trial gave a finite loss", remedy="check the study's values, or lower the rate")
    _write(found, out, config)
    progress(trials, trials, "recipe saved")
    return _summary(found)


def _open(out: Path, key: str) -> optuna.Study:
    """Open or begin the search over these data and this recipe; a trial that was cut off counts as failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    out.parent.mkdir(parents=True, exist_ok=True)
    place = out.with_name(f"{out.stem}.trials.sqlite").absolute()
    found = optuna.create_study(
        study_name=f"icicore-{key[:16]}",
        storage=f"sqlite:///{place}",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=1),
        direction="minimize",
        load_if_exists=True,
    )
    for trial in found.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        found.tell(trial.number, state=TrialState.FAIL)
    return found


def _run_trial(found: optuna.Study, search: _Search, number: int) -> None:
    trial = found.ask(dict(SPACE))
    config = _recipe(search.config, trial.params).model_copy(update={"members": 1, "folds": 0})
    try:
        member = _train(trial, search, config, number)
    except optuna.TrialPruned:
        found.tell(trial, state=TrialState.PRUNED)
        return
    trial.set_user_attr("auc_roc", member.history[member.best_epoch])
    trial.set_user_attr("best_epoch", member.best_epoch)
    found.tell(trial, member.loss)


def _train(trial: optuna.Trial, search: _Search, config: TrainConfig, number: int) -> Member:
    """Train the stages of one recipe; each epoch's validation loss may end the trial."""
    fitted: list[Member] = []
    total = len(search.stages) * config.epochs

    def on_epoch(epoch: int, loss: float) -> None:
        step = len(fitted) * config.epochs + epoch
        search.progress(number * total + step, search.trials * total, f"trial {number + 1} of {search.trials}")
        if not math.isfinite(loss):
            raise optuna.TrialPruned
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    for kind in search.stages:
        arms = [member.model for member in fitted] if kind == config.model else []
        architecture = model_config(search.scaled, config, kind)
        fitted.append(
            fit_member(search.scaled, search.split, config, model=architecture, index=0, arms=arms, on_epoch=on_epoch)
        )
    return fitted[-1]


def _first(config: TrainConfig) -> Json:
    """Parameters of the recipe given, as far as the space holds them."""
    values = config.model_dump() | {"depth": config.depth or ModelConfig.gene_layers}
    return {name: values[name] for name, space in SPACE.items() if _holds(space, values[name])}


def _holds(space: Distribution, value: Any) -> bool:
    if isinstance(space, optuna.distributions.CategoricalDistribution):
        return value in space.choices
    return bool(space.low <= value <= space.high)


def _recipe(config: TrainConfig, params: Mapping[str, object]) -> TrainConfig:
    return TrainConfig.model_validate(config.model_dump() | dict(params))


def _seed(seed: int, number: int) -> int:
    return int(np.random.default_rng([seed, 4, number]).integers(2**31))


def _finished(found: optuna.Study) -> list[FrozenTrial]:
    return found.get_trials(deepcopy=False, states=_DONE)


def _write(found: optuna.Study, out: Path, config: TrainConfig) -> None:
    """Write the best recipe so far and the table of trials."""
    write_bytes(out.with_name(f"{out.stem}.trials.tsv"), _table(_finished(found)).encode())
    if any(t.state == TrialState.COMPLETE for t in _finished(found)):
        write_json(out, _recipe(config, found.best_params).model_dump(mode="json"))


def _table(trials: Sequence[FrozenTrial]) -> str:
    columns = ("trial", "state", "val_loss", "val_auc_roc", "epochs", *SPACE)
    rows = [
        (
            str(number),
            trial.state.name.lower(),
            _number(trial.value),
            _number(trial.user_attrs.get("auc_roc")),
            str(len(trial.intermediate_values)),
            *(_number(trial.params.get(name)) for name in SPACE),
        )
        for number, trial in enumerate(trials)
    ]
    return "".join("\t".join(row) + "\n" for row in (columns, *rows))


def _number(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _summary(found: optuna.Study) -> Json:
    finished = _finished(found)
    first = finished[0]
    return {
        "best": dict(found.best_params),
        "val_loss": found.best_value,
        "val_auc_roc": found.best_trial.user_attrs["auc_roc"],
        "given": {"val_loss": first.value, "val_auc_roc": first.user_attrs.get("auc_roc")},
        "trials": len(finished),
        "pruned": sum(t.state == TrialState.PRUNED for t in finished),
    }
