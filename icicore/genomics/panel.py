"""The ordered, versioned gene lists that the model reads, their pathways, and the names of genes.

A panel fixes the order of all gene tokens: mutation genes, tumour mutational burden, expression genes.
A table is never edited after release: a change of content is a new version beside the old one, because
bundles state the version they were trained with. The header of each table says where its content is from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Literal, TypeAlias

from icicore.errors import GenomicsError

CURRENT = "v1"
TMB = "TMB"
N_MUTATION_GENES = 500

TokenKind: TypeAlias = Literal["mutation", "tmb", "expression"]


@dataclass(frozen=True)
class Token:
    """One input of the genomic encoder. A gene can be two tokens: mutated or not, and its expression."""

    symbol: str
    kind: TokenKind


@dataclass(frozen=True)
class GenePanel:
    """Ordered gene lists and the pathways of their genes.

    ``mutation_pathways`` and ``expression_pathways`` keep the two tables apart: a pathway that a mutation
    disturbs need not be the one that the transcript reports. ``pathways`` is their union.
    """

    name: str
    version: str
    mutation_genes: tuple[str, ...]
    expression_genes: tuple[str, ...]
    mutation_pathways: Mapping[str, tuple[str, ...]]
    expression_pathways: Mapping[str, tuple[str, ...]]

    @property
    def n_tokens(self) -> int:
        """Length T of every token vector."""
        return len(self.mutation_genes) + 1 + len(self.expression_genes)

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens in the order of every token vector."""
        mutation = tuple(Token(gene, "mutation") for gene in self.mutation_genes)
        return (*mutation, Token(TMB, "tmb"), *(Token(gene, "expression") for gene in self.expression_genes))

    @cached_property
    def pathways(self) -> Mapping[str, tuple[str, ...]]:
        """Pathway names by gene symbol, over both tables."""
        merged = {gene: list(names) for gene, names in self.mutation_pathways.items()}
        for gene, names in self.expression_pathways.items():
            merged.setdefault(gene, []).extend(name for name in names if name not in merged.get(gene, ()))
        return MappingProxyType({gene: tuple(names) for gene, names in merged.items()})

    def pathways_of(self, token: Token) -> tuple[str, ...]:
        """Pathway names of one token, readable by a clinician; the first is the principal one."""
        if token.kind == "tmb":
            return ("Tumour mutational burden",)
        table = self.mutation_pathways if token.kind == "mutation" else self.expression_pathways
        return table[token.symbol]


@cache
def load_panel(version: str = CURRENT) -> GenePanel:
    """Load a panel from the tables of the package.

    Raises
    ------
    GenomicsError
        No panel of this version comes with the package.
    """
    available = sorted(path.name for path in _tables().iterdir() if path.name.startswith("mutation_panel_"))
    if f"mutation_panel_{version}.tsv" not in available:
        versions = ", ".join(name.removeprefix("mutation_panel_").removesuffix(".tsv") for name in available)
        raise GenomicsError(
            "gene panel", f"version {version!r} is unknown", expected=versions, remedy="install the matching icicore"
        )
    mutation, expression = _pathway_table(f"mutation_panel_{version}"), _pathway_table(f"expression_panel_{version}")
    return GenePanel(
        name="icicore",
        version=version,
        mutation_genes=tuple(mutation),
        expression_genes=tuple(expression),
        mutation_pathways=MappingProxyType(mutation),
        expression_pathways=MappingProxyType(expression),
    )


def resolve_symbol(symbol: str) -> str:
    """Today's approved symbol of a gene.

    Takes an approved symbol, an earlier one (``MLL2``), a common name (``PDL1``) or an Ensembl gene id, in any
    case, with spaces around it, as R (``HLA.A``) and TCGA (``CD274|29126``) write it. What is not recognised comes
    back stripped, otherwise unchanged.
    """
    text = symbol.strip()
    names = _names()
    found = names.get(text) or names.get(text.upper()) or names.get(_without_version(text))
    if found is None and ("." in text or "|" in text):
        # R writes HLA.A for HLA-A; TCGA tables write CD274|29126.
        first = text.upper().partition("|")[0]
        found = names.get(first) or names.get(first.replace(".", "-"))
    return found or text


def is_known(symbol: str) -> bool:
    """Whether :func:`resolve_symbol` recognises the symbol as a coding gene."""
    return resolve_symbol(symbol) in _approved()


def _without_version(text: str) -> str:
    return text.upper().split(".")[0] if text.upper().startswith("ENSG") else text


@cache
def _names() -> Mapping[str, str]:
    names: dict[str, str] = {}
    rows = _rows("symbols")
    # Earlier names first, then ids, then approved symbols: whatever is approved today wins.
    for symbol, _, earlier in rows:
        for name in filter(None, earlier.split("|")):
            names[name] = symbol
            names.setdefault(name.upper(), symbol)
    names |= {ensembl: symbol for symbol, ensembl, _ in rows if ensembl}
    names |= {symbol.upper(): symbol for symbol, _, _ in rows}
    names |= {symbol: symbol for symbol, _, _ in rows}
    return names


@cache
def _approved() -> frozenset[str]:
    return frozenset(symbol for symbol, _, _ in _rows("symbols"))


def _pathway_table(name: str) -> dict[str, tuple[str, ...]]:
    return {symbol: tuple(pathways.split("|")) for symbol, _, pathways in _rows(name)}


def _rows(name: str) -> list[tuple[str, str, str]]:
    return [(first, second, third) for first, second, third in table_rows(name)]


def table_rows(name: str) -> list[list[str]]:
    """Cells of a table of the package, without its comments and header line."""
    text = (_tables() / f"{name}.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split("\t") for line in lines[1:]]


def _tables() -> Traversable:
    return resources.files("icicore.genomics") / "tables"
