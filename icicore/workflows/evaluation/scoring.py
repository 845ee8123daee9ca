"""Score many patients with one bundle, economically: every modality is encoded once and fused as often as asked."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from icicore.domain import GENOMICS, HISTOLOGY, MODALITIES
from icicore.errors import BundleError
from icicore.explain.shapley import shapley
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs, collate
from icicore.models.multimodal import MultimodalModel
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.types import F64, I32, Mask, Progress, no_progress

T = TypeVar("T")
BATCH = 8
"""Bags are padded to the longest of a batch, so batches stay small."""


class CohortScorer:
    """The patients of a study as one bundle sees them.

    Attributes
    ----------
    bundle, cases : what scores and what is scored (n cases, scaled by the bundle's own statistics)
    present : bool (n, 3), modalities that a case has and the bundle uses
    """

    def __init__(self, bundle: ModelBundle, cases: Sequence[CaseInputs], *, progress: Progress = no_progress) -> None:
        self.bundle, self.cases = bundle, list(cases)
        self.members: list[MultimodalModel] = list(bundle.model.members)  # type: ignore[arg-type]
        found = torch.stack([case.present for case in self.cases])
        self._present = found & bundle.model.used
        self.present: Mask = self._present.numpy()
        self._readable = torch.tensor([case.readable for case in self.cases], dtype=torch.float32)
        self._embeddings = self._encode_all(progress)

    def logit(
        self,
        *,
        visible: Mask | None = None,
        instead: Mapping[str, Sequence[Tensor]] | None = None,
        readable: Tensor | None = None,
    ) -> F64:
        """Calibrated logit (n,) of the ensemble; a patient of whom nothing is known gets the base logit.

        Parameters
        ----------
        visible : bool (n, 3) or (3,), modalities that may be looked at; all by default
        instead : embeddings (n, d) per member that take the place of a modality's own
        readable : (n,) in place of the cases' own, where the slides are those of others
        """
        present = self._visible(visible)
        others = instead or {}
        share = self._readable if readable is None else readable

        def one(k: int) -> Tensor:
            own = [others[m][k] if m in others else e for m, e in zip(MODALITIES, self._embeddings[k], strict=True)]
            return self.members[k].fuse(own, present, share)[0].double()

        raw = torch.stack(self.each_member(one)).mean(dim=0)
        logit = self.bundle.calibrated(raw).numpy()
        return np.where(present.any(dim=1).numpy(), logit, self.bundle.spec.base_logit)

    @property
    def weighs_readable(self) -> bool:
        """Whether the fusion is told of any slide here that it can hardly be read."""
        return self.bundle.spec.model.weigh_readable and bool((self._readable < 1).any())

    def weights(self) -> F64:
        """Fusion weights (n, 3), mean of the members."""

        def one(k: int) -> Tensor:
            return self.members[k].fuse(self._embeddings[k], self._present, self._readable)[1].double()

        return np.asarray(torch.stack(self.each_member(one)).mean(dim=0).numpy(), np.float64)

    def permuted(self, modality: str, order: I32) -> F64:
        """Calibrated logit (n,) when each patient gets the embedding of the patient at ``order``."""
        place, rows = MODALITIES.index(modality), torch.from_numpy(order.astype(np.int64))
        readable = self._readable[rows] if modality == HISTOLOGY else None
        return self.logit(instead={modality: [e[place][rows] for e in self._embeddings]}, readable=readable)

    def encode_genes(self, values: Tensor, measured: Tensor) -> list[Tensor]:
        """Gene embeddings (n, d) of every member."""

        def one(k: int) -> Tensor:
            parts = zip(torch.split(values, 64), torch.split(measured, 64), strict=True)
            return torch.cat([self.members[k].encode_genomics(v, m)[0] for v, m in parts])

        return self.each_member(one)

    def encode_clinical(self, values: Tensor, measured: Tensor) -> list[Tensor]:
        """Clinical embeddings (n, d) of every member."""
        return self.each_member(lambda k: self.members[k].encode_clinical(values, measured))

    def table(self, modality: str) -> tuple[Tensor, Tensor]:
        """Scaled values and measured mask (n, width) of all patients, of genomics or clinical."""
        batch = collate([replace(case, tiles=None) for case in self.cases])
        if modality == GENOMICS:
            return batch.gene_values, batch.gene_measured
        return batch.clinical_values, batch.clinical_measured

    def contributions(self) -> F64:
        """Exact Shapley value (n, 3) of every modality in logit, 0 where it is absent."""
        players = [m for m, used in zip(MODALITIES, self.bundle.model.used.tolist(), strict=True) if used]
        worth: dict[frozenset[str], F64] = {}

        def value(coalition: frozenset[str]) -> F64:
            if coalition not in worth:
                worth[coalition] = self.logit(visible=np.array([m in coalition for m in MODALITIES]))
            return worth[coalition]

        columns = [
            [shapley(players, lambda c, i=i: float(value(c)[i])).get(m, 0.0) for m in MODALITIES]  # type: ignore[misc]
            for i in range(len(self.cases))
        ]
        return np.asarray(columns, np.float64)

    def each_member(self, work: Callable[[int], T]) -> list[T]:
        """Run ``work`` for every member, on as many threads as there are cores (each operation is single-threaded)."""

        def quietly(k: int) -> T:
            with torch.inference_mode():
                return work(k)

        with ThreadPoolExecutor(min(len(self.members), os.cpu_count() or 1)) as pool:
            return list(pool.map(quietly, range(len(self.members))))

    def _visible(self, visible: Mask | None) -> Tensor:
        if visible is None:
            return self._present
        return self._present & torch.from_numpy(np.broadcast_to(visible, self.present.shape).copy())

    def _encode_all(self, progress: Progress) -> list[list[Tensor]]:
        """Embeddings of every member and modality, (n, d) each."""
        parts: list[list[list[Tensor]]] = []
        for start in range(0, len(self.cases), BATCH):
            progress(start, len(self.cases), f"scoring with {self.bundle.name}")
            batch = collate(self.cases[start : start + BATCH])
            mine = self._present[start : start + BATCH]
            shown = [mine[:, m, None] for m in range(len(MODALITIES))]

            def one(k: int, batch=batch, shown=shown) -> list[Tensor]:  # type: ignore[no-untyped-def]
                member = self.members[k]
                return [
                    member.encode_histology(batch.tiles, batch.tile_mask & shown[0])[0],
                    member.encode_genomics(batch.gene_values, batch.gene_measured & shown[1])[0],
                    member.encode_clinical(batch.clinical_values, batch.clinical_measured & shown[2]),
                ]

            parts.append(self.each_member(one))
        return [
            [torch.cat([part[k][m] for part in parts]) for m in range(len(MODALITIES))]
            for k in range(len(self.members))
        ]


def scaled_cases(study: StudyData, bundle: ModelBundle, rows: I32) -> list[CaseInputs]:
    """Cases at these rows, scaled by the bundle's statistics.

    Raises
    ------
    BundleError
        the bundle was made for another gene panel or other tile embeddings
    """
    spec = bundle.spec
    if spec.tokens != study.tokens:
        raise BundleError(
            bundle.name,
            f"was trained on gene panel {spec.panel}",
            expected=f"{study.panel}, as the study was read",
            remedy="use bundles of one panel",
        )
    used = dict(zip(MODALITIES, bundle.model.used.tolist(), strict=True))
    if (
        used[HISTOLOGY]
        and study.backbone
        and spec.backbone
        and (spec.backbone, spec.backbone_digest) != _encoder(study)
    ):
        raise BundleError(
            bundle.name,
            f"was trained on tiles of {spec.backbone}@{spec.backbone_digest}",
            expected="@".join(_encoder(study)),
            remedy="embed the slides of the study with the bundle's backbone",
        )
    scaled = ScaledStudy(study, Scalers(spec.token_scaler, spec.clinical_scaler))
    cases = [scaled.cases[i] for i in rows]
    no_slides_learnt = study.backbone and not spec.backbone
    return [case.without(HISTOLOGY) for case in cases] if no_slides_learnt else cases


def _encoder(study: StudyData) -> tuple[str, str]:
    return study.backbone, study.backbone_digest
