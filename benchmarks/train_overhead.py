"""What the training loop costs beside a plain PyTorch loop of the same model, on the same batches, in one run.

    python benchmarks/train_overhead.py --patients 240 --rounds 5

Both loops take turns (plain, ours, plain, ours, ...), each round from the same weights, optimiser, dropout seed and
batches, so that other work on the machine hits both alike. *Epoch* is everything between the start of an epoch and
the next one, as a user waits for it: batches, steps, scoring of the selection patients, keeping the best weights; ours
also writes the state that a killed run continues from. *Step* is the same loop over batches that were made before:
forward, loss, backward, clipping, optimiser, and whatever the loop does around them. Prints medians and ratios as JSON,
of time on the clock and of CPU time, which other work on the machine disturbs less; fails where either is above the
limit.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from icicore.domain import ClinicalValues
from icicore.models.zoo import build
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData, TrainingBatches
from icicore.training.epochstate import EpochState, numpy_state
from icicore.training.fit import model_config, run_epochs, selection_batches
from icicore.training.module import ResponseModule
from icicore.training.trainer import one_thread, seeded

LIMIT = 1.10
GENES = ("mutation",) * 500 + ("tmb",) + ("expression",) * 1200


def random_study(n: int, *, tiles: int, dim: int) -> StudyData:
    """A study of noise with the sizes of a real one; only the time counts."""
    rng = np.random.default_rng(0)
    return StudyData(
        name="noise",
        virtual=True,
        patients=tuple(f"P{i}" for i in range(n)),
        tumour_types=("nsclc",) * n,
        sites=("",) * n,
        responder=rng.random(n) < 0.4,
        tiles=rng.normal(size=(n * tiles, dim)).astype(np.float16),
        tile_index=np.zeros((n * tiles, 2), np.int32),
        offsets=np.arange(n + 1, dtype=np.int64) * tiles,
        gene_values=rng.normal(size=(n, len(GENES))).astype(np.float32),
        gene_measured=np.ones((n, len(GENES)), bool),
        clinical=(ClinicalValues(60.0, "F", 1, 1.2),) * n,
        panel="noise/1",
        tokens=tuple(f"G{i}" for i in range(len(GENES))),
        token_kinds=GENES,
        token_pathways=tuple((f"set{i % 60}",) for i in range(len(GENES))),
    )


class Fixed:
    """Batches made before, so that only the step is timed."""

    def __init__(self, batches) -> None:
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class Case:
    """One member's start, the same for both loops."""

    def __init__(self, scaled, config, *, ready: bool, folder: Path) -> None:
        self.scaled, self.config, self.ready, self.folder = scaled, config, ready, folder
        n = len(scaled)
        self.train = np.arange(n * 4 // 5, dtype=np.int32)
        rng = np.random.default_rng(1)
        self.selection = selection_batches(scaled, np.arange(n * 4 // 5, n, dtype=np.int32), config, rng)
        with seeded(3):
            self.start = build(model_config(scaled, config, "multimodal")).state_dict()

    def begin(self, *, keep: bool):
        rng = np.random.default_rng(2)
        batches = TrainingBatches(self.scaled, self.train, self.config.batch_size, self.config.tiles_per_bag, rng)
        model = build(model_config(self.scaled, self.config, "multimodal"))
        model.load_state_dict(self.start)
        self.ends: list[tuple[float, float]] = []

        def on_epoch(module) -> None:
            if keep:
                state = module.snapshot()
                EpochState(state.tensors, state.note | {"numpy": numpy_state(rng)}).save(self.folder / "state")
            self.ends.append((time.perf_counter(), time.process_time()))

        steps = len(batches) * self.config.epochs
        selection = self.selection[:1] if self.ready else self.selection
        module = ResponseModule(model, self.config, steps=steps, selection=selection, on_epoch=on_epoch)
        return module, Fixed(list(batches)) if self.ready else batches

    def ours(self) -> np.ndarray:
        module, batches = self.begin(keep=not self.ready)
        run_epochs(module, batches, self.config)
        return self.epochs(len(batches))

    def plain(self) -> np.ndarray:
        module, batches = self.begin(keep=False)
        optimizer = module.configure_optimizers()
        module.model.train()
        for _ in range(self.config.epochs):
            for batch in batches:
                module.set_rates(optimizer)
                optimizer.zero_grad()
                module.training_step(batch, 0).backward()
                torch.nn.utils.clip_grad_norm_(module.model.parameters(), 1.0)
                optimizer.step()
            module.select()
            module.on_epoch(module)
        return self.epochs(len(batches))

    def epochs(self, n: int) -> np.ndarray:
        """Seconds (epochs - 1, 2) on the clock and of CPU, without the first, which holds the set-up; or per step."""
        return np.diff(np.array(self.ends), axis=0) / (n if self.ready else 1)


def compare(case: Case, rounds: int) -> dict:
    plain, ours = [], []
    for _ in range(rounds):
        plain.append(case.plain())
        ours.append(case.ours())
    medians = [1000 * np.median(np.concatenate(times), axis=0) for times in (plain, ours)]
    # The least of a round is what the loop costs; the rest is what else the machine did.
    ratios = np.median([o.min(axis=0) / p.min(axis=0) for p, o in zip(plain, ours, strict=True)], axis=0)
    return {
        "plain_ms": round(medians[0][0], 2),
        "ours_ms": round(medians[1][0], 2),
        "ratio": round(ratios[0], 3),
        "plain_cpu_ms": round(medians[0][1], 2),
        "ours_cpu_ms": round(medians[1][1], 2),
        "cpu_ratio": round(ratios[1], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=240)
    parser.add_argument("--tiles", type=int, default=140)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    study = random_study(args.patients, tiles=args.tiles, dim=1280)
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(len(study), dtype=np.int32)))
    config = TrainConfig(epochs=args.epochs, patience=args.epochs, device=args.device)
    with tempfile.TemporaryDirectory() as folder, one_thread(args.device):
        found = {
            what: compare(Case(scaled, config, ready=ready, folder=Path(folder)), args.rounds)
            for what, ready in (("step", True), ("epoch", False))
        }
    print(json.dumps({"patients": args.patients, "limit": LIMIT, **found}, indent=1))
    raise SystemExit(any(found[what][ratio] > LIMIT for what in found for ratio in ("ratio", "cpu_ratio")))


if __name__ == "__main__":
    main()
