"""How long a training takes and what it needs, from what the preflight found; no study is read and no torch loaded.

Costs were measured; where a device has trained before, its own speed is used (see ``training_rates``).
"""

from dataclasses import dataclass

from icicore.training.config import TrainConfig
from icicore.training.plan import order, order_without_arms
from icicore.types import Json

_CLINICAL_MS, _GENES_MS, _SLIDE_MS, _TILE_MS = 0.33, 2.1, 0.5, 0.02
"""CPU milliseconds per patient and step, forward, backward and the judging of the epoch, on one core of a cloud server
(Xeon, 2 cores, November 2026): of the parts of the model; genes for 2,394 tokens; per tile of 1,280 values."""
_TOKENS, _DIM = 2394, 1280
_READ_MIB_PER_SECOND = 60.0
_START_SECONDS = 20.0
_BASE_MIB = 930
"""Resident memory of the training process before it reads anything: torch, Lightning."""
_WORK_MIB = 100
"""What the libraries gather while they work."""
_TABLE_FACTOR = 5.0
"""Memory per byte of the tables of a study while they are parsed."""
_GPU_BASE_MIB = 600
"""CUDA context and libraries."""
_MIB = 1024**2
_DIM_HIDDEN, _COPIES, _GENE_COPIES = 128, 8, 40


@dataclass(frozen=True)
class Needs:
    """What a training needs, MiB."""

    memory_mib: int
    gpu_mib: int
    disk_mib: int


def epochs_cost(config: TrainConfig, found: Json, *, continued: bool = False) -> float:
    """CPU seconds of all epochs of all models if none stops early."""
    return (
        sum(epoch_cost(kind, config, found) for kind in kinds_of(config, continued=continued))
        * config.n_members
        * config.epochs
    )


def kinds_of(config: TrainConfig, *, continued: bool) -> tuple[str, ...]:
    """Models that are trained."""
    return order_without_arms(config) if continued else order(config)


def epoch_cost(kind: str, config: TrainConfig, found: Json) -> float:
    """CPU seconds of one epoch of one member of a kind."""
    facts, train = found["facts"], found["parts"]["train"]
    samples = 2 * max(train["responders"], train["n"] - train["responders"])
    if config.folds:
        samples = samples * (config.folds - 1) / config.folds
    return float(samples * sample_cost_ms(kind, config, facts) / 1000)


def sample_cost_ms(kind: str, config: TrainConfig, facts: Json) -> float:
    """CPU milliseconds per patient and step."""
    arms = {"image": "h", "genomic": "g", "clinical": "c"}.get(kind, "hgc")
    cost = _CLINICAL_MS
    if "g" in arms:
        cost += _GENES_MS * facts["tokens"] / _TOKENS * config.width * (config.depth or 1)
    if "h" in arms and facts["bags"]:
        tiles = min(config.tiles_per_bag, facts["tiles"] / facts["bags"])
        cost += _SLIDE_MS + _TILE_MS * tiles * facts["tile_dim"] / _DIM * config.width
    return float(cost)


def seconds_at_most(config: TrainConfig, found: Json, factor: float, *, continued: bool = False) -> float:
    """Time of a training whose members all run to the last epoch, seconds.

    Parameters
    ----------
    factor : seconds of the device per CPU second of the reference
    """
    reading = _tile_mib(found["facts"]) / _READ_MIB_PER_SECOND
    return _START_SECONDS + reading + epochs_cost(config, found, continued=continued) * factor


def needs(config: TrainConfig, found: Json) -> Needs:
    """Memory at the peak and disk, with what is kept for continuing."""
    facts, parts = found["facts"], found["parts"]
    tiles = _tile_mib(facts)
    patients = sum(part["n"] for part in parts.values())
    shown = min(config.tiles_per_bag, facts["tiles"] / facts["bags"]) if facts["bags"] else 0
    case = shown * facts["tile_dim"] * 4 / _MIB
    judged = parts["val"]["n"] + 0.37 * parts["train"]["n"]
    batch = config.batch_size * (case + shown * _DIM_HIDDEN * config.width * _COPIES * 4 / _MIB)
    genes = config.batch_size * facts["tokens"] * _GENE_COPIES * 4 * config.width / _MIB
    tables = facts.get("table_bytes", 0) / _MIB * _TABLE_FACTOR + patients * facts["tokens"] * 5 * 3 / _MIB
    # While the study is read its bags are there twice: one by one and joined.
    resident = _BASE_MIB + _WORK_MIB + tables + tiles + max(tiles, judged * case + batch + genes)
    members = len(order(config)) * config.n_members
    weights = (facts["tile_dim"] * _DIM_HIDDEN + facts["tokens"] * 64 * 2 + 100_000) * 4 * config.width / _MIB
    return Needs(
        memory_mib=round(resident),
        gpu_mib=round(_GPU_BASE_MIB + batch + genes + 64 * case + 8 * weights),
        disk_mib=round(members * weights + 5 * weights + 10),
    )


def _tile_mib(facts: Json) -> float:
    return float(facts["tiles"] * facts["tile_dim"] * 2 / _MIB)
