"""A small study folder that is right, for tests that then make one thing wrong."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from icicore.genomics.panel import load_panel

MAF = ("Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode", "NCBI_Build", "Chromosome", "Start_Position")
N = 24


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(header), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def read_rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]


def edit(path: Path, change) -> None:
    """Rewrite a table by a function of its rows, header first."""
    rows = change(read_rows(path))
    write_table(path, rows[0], rows[1:])


def write_small_study(folder: Path, *, seed: int = 0) -> Path:
    """24 patients P00..P23, every third a responder; 16 mutations each, expression of 250 genes for all."""
    rng, panel = np.random.default_rng(seed), load_panel()
    names = [f"P{i:02d}" for i in range(N)]
    patients = [(p, 50 + i, "Female" if i % 2 else "Male", i % 2, 1.1, "PR" if i % 3 == 0 else "PD", "melanoma", "s")
                for i, p in enumerate(names)]  # fmt: skip
    header = ("PATIENT_ID", "AGE", "SEX", "ECOG", "LDH_ULN", "RESPONSE", "TUMOUR_TYPE", "SITE")
    write_table(folder / "data_clinical_patient.txt", header, patients)
    write_table(folder / "data_clinical_sample.txt", ("PATIENT_ID", "SAMPLE_ID"), [(p, f"{p}-T") for p in names])
    others = [g for g in panel.expression_genes if g not in panel.mutation_genes]  # an exome hits more than the panel
    calls = [
        (gene, "Missense_Mutation", f"{p}-T", "GRCh38", 1, int(rng.integers(1, 10**8)))
        for p in names
        for gene in [*rng.choice(panel.mutation_genes, 6, replace=False), *rng.choice(others, 10, replace=False)]
    ]
    write_table(folder / "data_mutations.txt", MAF, calls)
    genes = dict.fromkeys((*panel.expression_genes[:249], "CD274"))
    assert len(genes) == 250
    values = [[g, *(f"{v:.3f}" for v in rng.gamma(2, 20, N))] for g in genes]
    write_table(folder / "data_mrna_seq_tpm.txt", ("Hugo_Symbol", *(f"{p}-T" for p in names)), values)
    return folder
