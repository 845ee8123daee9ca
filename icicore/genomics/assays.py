"""Which genes a sequencing assay covers: assays that we know by name, and the panel files of a cBioPortal study."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from icicore.errors import GenomicsError
from icicore.genomics.panel import resolve_symbol, table_rows
from icicore.genomics.text_files import read_text

WHOLE_EXOME = frozenset({"", "NA", "WES", "WXS", "EXOME", "WGS"})
"""Names that studies give to an assay that covers every gene."""


@dataclass(frozen=True)
class Assay:
    """A sequencing panel: its genes (approved symbols) and covered megabases, None where not stated."""

    name: str
    genes: frozenset[str]
    megabases: float | None = None


def known_assay(name: str) -> Assay | None:
    """The assay of this name (``IMPACT468``, ``MSK-IMPACT468``), None when we do not know it."""
    return _known().get(name.strip().upper().replace("MSK-", "").replace("_", "").replace("-", ""))


def assay_of(value: object, *, source: str) -> Assay | None:
    """The assay that a case states: a name that we know or a list of gene symbols; None for a whole exome.

    Raises
    ------
    GenomicsError
        Neither.
    """
    if value is None or (isinstance(value, str) and value.strip().upper() in WHOLE_EXOME):
        return None
    if isinstance(value, str) and (known := known_assay(value)) is not None:
        return known
    if isinstance(value, list) and value and all(isinstance(gene, str) for gene in value):
        return Assay("stated", frozenset(map(resolve_symbol, value)))
    raise GenomicsError(
        source,
        f"gene panel {str(value)[:40]!r} is unknown",
        expected=f"WES, {', '.join(_known())} or a list of gene symbols",
        remedy="list the genes of the panel",
    )


def read_gene_panel(path: Path) -> Assay:
    """Read a ``data_gene_panel_*.txt`` file (``stable_id:``, ``gene_list:``).

    Raises
    ------
    GenomicsError
        Either line is missing.
    """
    fields: dict[str, str] = {}
    for line in read_text(path).split("\n"):
        key, _, value = line.partition(":")
        fields[key.strip().lower()] = value.strip()
    genes = frozenset(resolve_symbol(symbol) for symbol in fields.get("gene_list", "").split())
    name = fields.get("stable_id", "")
    if not genes or not name:
        raise GenomicsError(path, "is no gene panel", expected="lines stable_id: and gene_list:", remedy="add them")
    return Assay(name, genes)


def read_gene_matrix(path: Path) -> Mapping[str, str]:
    """Read ``data_gene_matrix.txt``: panel id of the mutation profile by sample."""
    lines = [line for line in read_text(path).split("\n") if line.strip() and not line.startswith("#")]
    header = [cell.strip().lower() for cell in lines[0].split("\t")] if lines else [""]
    column = next((i for i, name in enumerate(header) if name.endswith("mutations")), None)
    if header[0] != "sample_id" or column is None:
        raise GenomicsError(path, "is no gene matrix", expected="columns SAMPLE_ID and mutations", remedy="add them")
    rows = [line.split("\t") for line in lines[1:]]
    # "NA" says that the sample has no profile of this kind.
    return {row[0].strip(): row[column].strip() for row in rows if len(row) > column and not _is_absent(row[column])}


def _is_absent(cell: str) -> bool:
    return cell.strip().lower() in ("", "na", "n/a", "none")


@cache
def _known() -> Mapping[str, Assay]:
    rows = table_rows("assays")
    return {name: Assay(name, frozenset(genes.split()), float(size)) for name, size, genes in rows}
