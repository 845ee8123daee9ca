"""Genes of the patients of a study: mutations with what was covered, expression, and patients that are the same."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from icicore.domain import Reason
from icicore.genomics.coverage import apply_coverage, listed, read_coverage
from icicore.genomics.expression_matrix import read_expression_matrix
from icicore.genomics.features import encode
from icicore.genomics.maf import read_maf_table
from icicore.genomics.mutations import calls_of_table
from icicore.genomics.panel import GenePanel
from icicore.genomics.records import Expression, MutationCalls
from icicore.training.study_tables import Sample, guarded
from icicore.types import F32, Mask

MUTATIONS = "data_mutations.txt"
SEQUENCED = "case_lists/cases_sequenced.txt"
_LINEAR = ("tpm", "fpkm", "counts", "read_counts", "estimated_counts")
_TELLING_GENES, _TELLING_MUTATIONS = 50, 5


@dataclass(frozen=True, eq=False)
class StudyGenes:
    """Raw token values and measured mask (N, T), and pairs of rows (first, later) that hold the same tumour."""

    values: F32
    measured: Mask
    twins: tuple[tuple[int, int], ...]


def read_genes(folder: Path, samples: Mapping[str, Sequence[Sample]], panel: GenePanel, notes: list[str]) -> StudyGenes:
    """Genes of each patient; the first sample of a patient that has the assay counts."""
    mutations = _read_mutations(folder, [s for own in samples.values() for s in own], notes)
    expression = _read_expression(folder, panel, notes)
    rows, seen, twins = [], dict[Hashable, int](), dict[int, int]()
    for number, own in enumerate(samples.values()):
        calls = next((mutations[s.name] for s in own if s.name in mutations), None)
        profile = next((expression[s.name] for s in own if s.name in expression), None)
        rows.append(encode(panel, mutations=calls, expression=profile))
        for key in (_mutation_key(calls), _expression_key(profile)):
            first = number if key is None else seen.setdefault(key, number)
            if first != number:
                twins.setdefault(number, first)
    pairs = tuple(sorted((first, later) for later, first in twins.items()))
    return StudyGenes(np.stack([r.values for r in rows]), np.stack([r.measured for r in rows]), pairs)


def _mutation_key(calls: MutationCalls | None) -> Hashable | None:
    """Equal for the same tumour only: two tumours do not share five mutations with their place or protein change."""
    found = () if calls is None else calls.mutations
    placed = frozenset((m.gene, m.pos, m.protein_change) for m in found if m.pos is not None or m.protein_change)
    return placed if len(placed) >= _TELLING_MUTATIONS else None


def _expression_key(profile: Expression | None) -> Hashable | None:
    """Equal for the same tumour only: two tumours do not agree in every gene to the last digit."""
    if profile is None or (profile.values > 0).sum() < _TELLING_GENES:
        return None
    return profile.values.tobytes()


def _read_mutations(folder: Path, samples: Sequence[Sample], notes: list[str]) -> Mapping[str, MutationCalls]:
    """Calls by sample. A sample without rows was not sequenced, unless the study names it as sequenced.

    Where no burden can be computed, the one that the study states is taken.
    """
    stated = {s.name: s for s in samples if s.tmb == s.tmb}
    if not (folder / MUTATIONS).is_file():
        nothing = MutationCalls(covered_genes=frozenset(), covered_mb=None)
        return {name: replace(nothing, tmb=s.tmb) for name, s in stated.items()}
    path = guarded(folder, MUTATIONS)
    table = read_maf_table(path, one_build=True)
    calls = calls_of_table(table, path)
    template = next(iter(calls.values()), MutationCalls())
    notes += [r.message for r in _told(template.warnings)]
    coverage = read_coverage(folder, {s.name: s.assay for s in samples})
    silent = MutationCalls(tmb=0.0 if template.covered_mb else None, genome_build=template.genome_build)
    sequenced = {*_sequenced(folder), *coverage.names, *stated} - table.other_build
    covered = apply_coverage({name: silent for name in sorted(sequenced)} | calls, coverage, notes)
    return {
        name: replace(own, tmb=stated[name].tmb) if own.tmb is None and name in stated else own
        for name, own in covered.items()
    }


def _told(warnings: Sequence[Reason]) -> list[Reason]:
    return [r for r in warnings if r.code in ("mixed_builds", "unknown_build", "unknown_classification")]


def _sequenced(folder: Path) -> list[str]:
    if not (folder / SEQUENCED).is_file():
        return []
    lines = guarded(folder, SEQUENCED).read_text(encoding="utf-8").splitlines()
    listed_ids = [line.partition(":")[2] for line in lines if line.startswith("case_list_ids:")]
    return [sample for text in listed_ids for sample in text.split()]


def _read_expression(folder: Path, panel: GenePanel, notes: list[str]) -> Mapping[str, Expression]:
    found = sorted(folder.glob("data_mrna_seq_*.txt"))
    linear = [p for p in found if p.stem.removeprefix("data_mrna_seq_") in _LINEAR]
    if not linear:
        return {}
    matrix = read_expression_matrix(guarded(folder, linear[0].name))
    filled = np.flatnonzero(np.isfinite(matrix.values).any(axis=1)).tolist()
    empty = set(matrix.genes) - {matrix.genes[i] for i in filled}
    names = [g for g in panel.expression_genes if g in empty]
    if names:
        notes.append(f"{len(names)} expression genes hold no value in any sample, not measured: {listed(names)}")
    return {name: Expression(matrix.genes, matrix.values[:, k], matrix.unit) for k, name in enumerate(matrix.samples)}
