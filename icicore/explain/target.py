"""What is explained: the calibrated logit of the ensemble mean, for one case, in stages."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from icicore.domain import MODALITIES
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import Batch, CaseInputs, collate
from icicore.models.multimodal import MultimodalModel


@dataclass(frozen=True, eq=False)
class MemberState:
    """One member's view of one case.

    Attributes
    ----------
    embeddings : slide (1, d), genes (1, d), clinical (1, d), in the order of ``MODALITIES``
    tile_attention, tile_hidden : (n,) and (n, d)
    gene_attention : (T,)
    """

    member: MultimodalModel
    embeddings: tuple[Tensor, Tensor, Tensor]
    tile_attention: Tensor
    tile_hidden: Tensor
    gene_attention: Tensor


class Target:
    """A case prepared for explanation by a bundle.

    ``used`` names the modalities that are present and that the model has an encoder for.
    """

    def __init__(self, bundle: ModelBundle, inputs: CaseInputs) -> None:
        self.bundle, self.inputs = bundle, inputs
        self.members: list[MultimodalModel] = list(bundle.model.members)  # type: ignore[arg-type]
        self.batch = collate([inputs])
        self.present = self.batch.present & self.members[0].used
        self.used = tuple(m for m, p in zip(MODALITIES, self.present[0].tolist(), strict=True) if p)

    def require(self, modality: str) -> None:
        """Raise ValueError when ``modality`` plays no part in this score."""
        if modality not in self.used:
            raise ValueError(f"case {self.inputs.case_id} was scored without {modality}: there is nothing to explain")

    def states(self) -> list[MemberState]:
        """Every member's embeddings and attention, without gradients."""
        with torch.no_grad():
            return [self._state(member) for member in self.members]

    def _state(self, member: MultimodalModel) -> MemberState:
        batch = self.batch
        visible = [self.present[:, m, None] for m in range(len(MODALITIES))]
        slide, tile_attention, hidden = member.encode_histology(batch.tiles, batch.tile_mask & visible[0])
        genes, gene_attention = member.encode_genomics(batch.gene_values, batch.gene_measured & visible[1])
        clinical = member.encode_clinical(batch.clinical_values, batch.clinical_measured & visible[2])
        return MemberState(member, (slide, genes, clinical), tile_attention[0], hidden[0], gene_attention[0])

    def fuse(self, state: MemberState, modality: str, replacement: Tensor) -> Tensor:
        """Raw logit (S,) of one member with one embedding replaced by S others, (S, d). Differentiable."""
        place = MODALITIES.index(modality)
        others = [e.expand(len(replacement), -1) for e in state.embeddings]
        others[place] = replacement
        n = len(replacement)
        logit, _ = state.member.fuse(others, self.present.expand(n, -1), self.batch.readable.expand(n))
        return logit

    def calibrated(self, logits: Sequence[Tensor]) -> Tensor:
        """Calibrated logit of the members' mean."""
        return self.bundle.calibrated(torch.stack(list(logits)).mean(dim=0))

    def logit_of(self, batch: Batch) -> Tensor:
        """Calibrated logit (B,) of a batch. Differentiable."""
        return self.bundle.calibrated(self.bundle.model(batch).logit)
