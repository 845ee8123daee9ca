"""The multimodal model: encoders of some or all modalities and their fusion, in stages that explainers can call."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, MODALITIES
from icicore.errors import BundleError
from icicore.models.clinical import ClinicalEncoder
from icicore.models.fusion import AttentionFusion, ConcatFusion, hide_absent
from icicore.models.genomics import GeneEncoder, GeneEncoderConfig
from icicore.models.histology import HistologyEncoder
from icicore.models.inputs import Batch, ModelOutput
from icicore.models.pathways import GeneSets
from icicore.types import Json

Fusion: TypeAlias = type[AttentionFusion] | type[ConcatFusion]


@dataclass(frozen=True)
class ModelConfig:
    """Architecture of one model; small on purpose, because cohorts are hundreds of patients.

    ``gene_kinds`` counts the mutation, TMB and expression tokens, ``gene_pathways`` all their gene sets;
    ``tile_dim`` is the width of the backbone; ``scale_by_present`` and ``weigh_readable``: see
    ``complete`` and ``shares`` of ``AttentionFusion``.
    """

    kind: str = "multimodal"
    tile_dim: int = 1280
    gene_kinds: tuple[int, ...] = (500, 1, 1000)
    gene_pathways: int = 0
    n_clinical: int = 4
    histology_dim: int = 128
    attention_dim: int = 64
    gene_dim: int = 64
    gene_heads: int = 4
    gene_layers: int = 1
    gene_attention: str = "pathway"
    clinical_dim: int = 32
    fusion_dim: int = 64
    dropout: float = 0.3
    scale_by_present: bool = False
    weigh_readable: bool = False

    @property
    def n_tokens(self) -> int:
        """Number of gene tokens T."""
        return sum(self.gene_kinds)

    def to_json(self) -> Json:
        """As in bundle.json."""
        return asdict(self) | {"gene_kinds": list(self.gene_kinds)}

    @classmethod
    def from_json(cls, content: Json) -> "ModelConfig":
        """Read what ``to_json`` wrote; unknown keys are refused."""
        unknown = set(content) - {f.name for f in fields(cls)}
        if unknown:
            raise BundleError("model_config", f"unknown key {sorted(unknown)[0]!r}", remedy="update the program")
        return replace(cls(**content), gene_kinds=tuple(content.get("gene_kinds", cls.gene_kinds)))


class MultimodalModel(nn.Module):
    """Encoders of some or all modalities and their fusion, in stages that explainers can call one by one."""

    used: Tensor

    def __init__(
        self, config: ModelConfig, arms: Sequence[str] = MODALITIES, *, fusion: Fusion = AttentionFusion
    ) -> None:
        super().__init__()
        self.config, self.arms = config, tuple(arms)
        self.dims = (config.histology_dim, config.gene_dim, config.clinical_dim)
        encoders: dict[str, Callable[[], nn.Module]] = {
            HISTOLOGY: lambda: HistologyEncoder(
                config.tile_dim, config.histology_dim, attention_dim=config.attention_dim, dropout=config.dropout
            ),
            GENOMICS: lambda: GeneEncoder(_gene_encoder_config(config)),
            CLINICAL: lambda: ClinicalEncoder(config.n_clinical, config.clinical_dim, dropout=config.dropout),
        }
        self.encoders = nn.ModuleDict({arm: encoders[arm]() for arm in self.arms})
        self.embedding_dropout = nn.Dropout(config.dropout)
        self.arm_heads = nn.ModuleList(nn.Linear(d, 1) for d in self.dims)
        self.fusion = fusion(self.dims, config.fusion_dim)
        if config.scale_by_present and isinstance(self.fusion, AttentionFusion):
            self.fusion.complete = len(self.arms)
        self.register_buffer("used", torch.tensor([m in self.arms for m in MODALITIES]), persistent=False)

    def set_gene_sets(self, sets: GeneSets) -> None:
        """Give the gene encoder its ``gene_pathways`` gene sets, before training."""
        if GENOMICS in self.arms:
            cast(GeneEncoder, self.encoders[GENOMICS]).set_gene_sets(sets)

    def start_projection(self, weight: Tensor, bias: Tensor) -> None:
        """Give the tile projection a start, before training; see ``HistologyEncoder.start_projection``."""
        if HISTOLOGY in self.arms:
            cast(HistologyEncoder, self.encoders[HISTOLOGY]).start_projection(weight, bias)

    def fit_activities(self, values: Tensor, measured: Tensor) -> None:
        """Standardise the activities of gene sets over training cases (N, T), before training."""
        if GENOMICS in self.arms:
            cast(GeneEncoder, self.encoders[GENOMICS]).fit_activities(values, measured)

    def adopt_arms(self, others: Sequence["MultimodalModel"]) -> None:
        """Take encoder and projection of each modality from the model that was trained on it alone.

        Attention fusion reads all modalities with one classifier, so it starts from the mean of theirs; that is
        meaningful because models of one ensemble member start from the same classifier.
        """
        for other in others:
            for arm in other.arms:
                self.encoders[arm].load_state_dict(other.encoders[arm].state_dict())
                number = MODALITIES.index(arm)
                self.fusion.projections[number].load_state_dict(other.fusion.projections[number].state_dict())
        if others and isinstance(self.fusion, AttentionFusion):
            states = [other.fusion.classifier.state_dict() for other in others]
            mean = {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}
            self.fusion.classifier.load_state_dict(mean)

    def encode_histology(self, tiles: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return embedding (B, d), attention (B, N), hidden (B, N, d): embedding == sum_i attention_i * hidden_i."""
        if HISTOLOGY in self.arms:
            return self.encoders[HISTOLOGY](tiles, mask)  # type: ignore[no-any-return]
        zeros = tiles.new_zeros((*tiles.shape[:2], self.dims[0]))
        return zeros[:, 0], zeros[..., 0], zeros

    def encode_genomics(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Return embedding (B, d) and attention (B, T)."""
        if GENOMICS in self.arms:
            return self.encoders[GENOMICS](values, measured)  # type: ignore[no-any-return]
        return values.new_zeros((len(values), self.dims[1])), values.new_zeros((len(values), self.config.n_tokens))

    def encode_clinical(self, values: Tensor, measured: Tensor) -> Tensor:
        """Return the embedding (B, d)."""
        if CLINICAL in self.arms:
            return self.encoders[CLINICAL](values, measured)  # type: ignore[no-any-return]
        return values.new_zeros((len(values), self.dims[2]))

    def fuse(self, embeddings: Sequence[Tensor], present: Tensor, readable: Tensor) -> tuple[Tensor, Tensor]:
        """Return logit (B,) and weights (B, 3) of the three embeddings (order of ``MODALITIES``).

        ``readable`` (B,) is the share of the tiles that can be read. A model of slides alone does not look at it.
        """
        hidden, shares = [self.embedding_dropout(x) for x in embeddings], None
        if self.config.weigh_readable and len(self.arms) > 1:
            rest = torch.ones_like(readable)
            shares = torch.stack([readable if m == HISTOLOGY else rest for m in MODALITIES], dim=1)
        return self.fusion(hidden, present & self.used, shares)  # type: ignore[no-any-return]

    def forward(self, batch: Batch) -> ModelOutput:
        """Score a batch. What is absent is hidden before the encoders, so its content cannot matter."""
        present = batch.present & self.used
        histology, genomics, clinical = (present[:, m, None] for m in range(len(MODALITIES)))
        slide, tile_attention, _ = self.encode_histology(batch.tiles, batch.tile_mask & histology)
        genes, gene_attention = self.encode_genomics(batch.gene_values, batch.gene_measured & genomics)
        vector = self.encode_clinical(batch.clinical_values, batch.clinical_measured & clinical)
        embeddings = [slide, genes, vector]
        logit, weights = self.fuse(embeddings, present, batch.readable)
        visible = hide_absent(embeddings, present)
        arms = [head(self.embedding_dropout(x)).squeeze(-1) for head, x in zip(self.arm_heads, visible, strict=True)]
        return ModelOutput(
            logit=logit,
            tile_attention=tile_attention,
            gene_attention=gene_attention,
            modality_weights=weights,
            arm_logits=torch.stack(arms, dim=1) * present,
            slide_embedding=slide,
        )


def _gene_encoder_config(config: ModelConfig) -> GeneEncoderConfig:
    """Sizes of the gene encoder of a model."""
    return GeneEncoderConfig(
        kinds=config.gene_kinds,
        pathways=config.gene_pathways,
        dim=config.gene_dim,
        heads=config.gene_heads,
        layers=config.gene_layers,
        dropout=config.dropout,
        attention=config.gene_attention,
    )
