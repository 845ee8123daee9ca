"""What the samples of a study were sequenced for: stated panels, and panels that nobody stated but the genes betray."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from icicore.genomics.assays import WHOLE_EXOME, Assay, known_assay, read_gene_matrix, read_gene_panel
from icicore.genomics.mutations import with_coverage
from icicore.genomics.records import MutationCalls

GENE_MATRIX = ("data_gene_matrix.txt", "data_gene_panel_matrix.txt")
FEW_SAMPLES = 20
"""From fewer samples than this the genes of a panel cannot be guessed."""
_MOST_GENES = 1000
_CANCER_SHARE = 0.6


@dataclass(frozen=True)
class Coverage:
    """Assay name by sample (only those that the study names), and the gene lists of the named panels."""

    names: Mapping[str, str]
    panels: Mapping[str, Assay]


def read_coverage(folder: Path, stated: Mapping[str, str]) -> Coverage:
    """Read the gene matrix and the panel files of a study.

    Parameters
    ----------
    folder : the study
    stated : assay of a sample as its clinical table names it; the gene matrix goes before it
    """
    names = {sample: name for sample, name in stated.items() if name}
    matrix = gene_matrix(folder)
    if matrix is not None:
        names |= read_gene_matrix(matrix)
    files = panel_files(folder)
    own = {assay.name.upper(): assay for assay in map(read_gene_panel, files)}
    panels = {name: found for name in set(names.values()) if (found := _panel(name, own)) is not None}
    return Coverage(names, panels)


def gene_matrix(folder: Path) -> Path | None:
    """The file that says which panel each sample was sequenced with."""
    return next((folder / name for name in GENE_MATRIX if (folder / name).is_file()), None)


def panel_files(folder: Path) -> list[Path]:
    """The gene lists of the study's panels."""
    return [path for path in sorted(folder.glob("data_gene_panel*.txt")) if path.name not in GENE_MATRIX]


def apply_coverage(
    calls: Mapping[str, MutationCalls], coverage: Coverage, notes: list[str]
) -> dict[str, MutationCalls]:
    """The calls of each sample with what its assay covered; a line is added to ``notes`` for what had to be guessed.

    A panel whose genes nobody lists is taken to cover the genes that are mutated in any of its samples: fewer than it
    really covers, so that a gene is rather taken for unmeasured than for wild type. Its burden is then unknown.
    Without enough samples to tell, its calls are left out.
    """
    covered = {s: c for s, c in calls.items() if coverage.names.get(s, "").upper() in WHOLE_EXOME}
    if not coverage.names and (seen := _unstated_panel(calls)):
        notes.append(
            f"mutations lie in {len(seen)} cancer genes only and no panel is stated: taken for a panel of these genes; "
            "the others count as not measured"
        )
        return {sample: _seen_only(own, seen) for sample, own in calls.items()}
    for name in sorted(set(coverage.names.values())):
        own = {s: c for s, c in calls.items() if coverage.names.get(s) == name and s not in covered}
        covered |= _of_panel(name, own, coverage.panels.get(name), notes)
    return {sample: covered[sample] for sample in calls if sample in covered}


def _of_panel(
    name: str, calls: Mapping[str, MutationCalls], panel: Assay | None, notes: list[str]
) -> dict[str, MutationCalls]:
    if not calls:
        return {}
    if panel is not None:
        return {s: with_coverage(c, panel.genes, covered_mb=panel.megabases) for s, c in calls.items()}
    if len(calls) < FEW_SAMPLES:
        notes.append(f"genes of panel {name} are not listed: mutations of {len(calls)} samples are left out")
        return {}
    seen = _genes(calls.values())
    notes.append(f"genes of panel {name} are not listed: the {len(seen)} genes mutated in its samples stand for them")
    return {s: _seen_only(c, seen) for s, c in calls.items()}


def _unstated_panel(calls: Mapping[str, MutationCalls]) -> frozenset[str]:
    """Genes of a panel that the study does not mention; empty when the calls look like exomes or are too few to say."""
    seen, cancer = _genes(calls.values()), known_assay("IMPACT505")
    mutated = sum(bool(c.mutations) for c in calls.values())
    if cancer is None or mutated < FEW_SAMPLES or len(seen) > _MOST_GENES:
        return frozenset()
    return seen if len(seen & cancer.genes) >= _CANCER_SHARE * len(seen) else frozenset()


def _seen_only(calls: MutationCalls, genes: frozenset[str]) -> MutationCalls:
    return replace(calls, covered_genes=genes, covered_mb=None, tmb=None)


def _genes(calls: Iterable[MutationCalls]) -> frozenset[str]:
    return frozenset(gene for own in calls for gene in own.genes)


def _panel(name: str, own: Mapping[str, Assay]) -> Assay | None:
    if name.upper() in WHOLE_EXOME:
        return None
    found, known = own.get(name.upper()), known_assay(name)
    if found is not None and found.megabases is None and known is not None:
        return replace(found, megabases=known.megabases)
    return found or known


def listed(names: Sequence[str], limit: int = 5) -> str:
    """A few names and how many more there are."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
