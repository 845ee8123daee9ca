"""What a mutation file and an expression file hold once read: plain values, no formats."""

from dataclasses import dataclass, field

from icicore.domain import Reason
from icicore.types import F32

EXOME_MB = 30.0
"""Megabases of coding sequence that a whole-exome assay is taken to cover when nothing else is stated."""


@dataclass(frozen=True)
class Mutation:
    """One non-synonymous somatic mutation.

    ``consequence`` is a MAF variant classification (``Missense_Mutation``); ``vaf`` is the fraction of tumour
    reads with the variant, 0-1; ``pos`` is 1-based on the genome build of the file, None where not given.
    """

    gene: str
    consequence: str
    protein_change: str = ""
    vaf: float | None = None
    chrom: str = ""
    pos: int | None = None


@dataclass(frozen=True)
class MutationCalls:
    """All non-synonymous somatic mutations of one tumour sample.

    ``covered_genes`` None means a whole exome, every gene measured. ``tmb`` is non-synonymous mutations per
    megabase of ``covered_mb``, None where the covered size is unknown. ``genome_build`` is "" when the file
    does not state it.
    """

    mutations: tuple[Mutation, ...] = ()
    tmb: float | None = None
    covered_genes: frozenset[str] | None = None
    covered_mb: float | None = EXOME_MB
    n_synonymous: int = 0
    genome_build: str = ""
    sample: str = ""
    warnings: tuple[Reason, ...] = ()

    @property
    def genes(self) -> frozenset[str]:
        """Genes with at least one non-synonymous mutation."""
        return frozenset(mutation.gene for mutation in self.mutations)


@dataclass(frozen=True)
class Expression:
    """Expression of one tumour sample.

    ``values`` are log2(1 + 1000 * x / upper quartile), float32, one per gene of ``genes`` (approved symbols,
    unique). ``unit`` is the unit of the file they come from.
    """

    genes: tuple[str, ...]
    values: F32
    unit: str
    warnings: tuple[Reason, ...] = field(default=())
