"""Clinical encoder: a small MLP over the clinical values and which of them were measured."""

import torch
from torch import Tensor, nn

from icicore.models.attention import block


class ClinicalEncoder(nn.Module):
    """Scaled values (B, n) and measured mask (B, n) to an embedding (B, dim)."""

    def __init__(self, n_values: int, dim: int, *, dropout: float) -> None:
        super().__init__()
        self.n_values = n_values
        self.mlp = nn.Sequential(
            nn.Linear(2 * n_values, dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(dim, dim), nn.LayerNorm(dim)
        )

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        """Return the embedding (B, dim); an unmeasured value has no influence."""
        values, measured = block(values, measured, self.n_values)
        return self.mlp(torch.cat([values, measured.to(values.dtype)], dim=-1))  # type: ignore[no-any-return]
