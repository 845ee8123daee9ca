"""Expression tables as pipelines and spreadsheets leave them: understood, or refused in one line."""

import gzip

import numpy as np
import pytest

from icicore.errors import GenomicsError
from icicore.genomics.expression import read_expression
from icicore.genomics.panel import table_rows
from tests.genomics.files import expression_text, expression_values

VALUES = expression_values()
SOUND = expression_text(VALUES)
COUNTS = {gene: round(value * 50) for gene, value in VALUES.items()}
LOGGED = {gene: np.log2(1 + value) for gene, value in VALUES.items()}
ENSEMBL = {symbol: ensembl for symbol, ensembl, _ in table_rows("symbols") if ensembl}


def read(tmp_path, content):
    path = tmp_path / "expression.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_expression(path)


def codes(found):
    return [reason.code for reason in found.warnings]


def table(*columns: str, rows) -> str:
    return "\n".join(["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]) + "\n"


SAME = {
    "carriage returns": SOUND.replace("\n", "\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + SOUND.encode(),
    "gzip": gzip.compress(SOUND.encode()),
    "quotes": table('"gene"', '"tpm"', rows=[(f'"{g}"', f'"{v}"') for g, v in VALUES.items()]),
    "commas": SOUND.replace("\t", ","),
    "FPKM of the same sample": expression_text({g: v * 3 for g, v in VALUES.items()}, unit="FPKM-UQ"),
    "cBioPortal columns": table("Hugo_Symbol", "Entrez_Gene_Id", "tpm", rows=[(g, 1, v) for g, v in VALUES.items()]),
    "Ensembl ids with version": table(
        "gene_id", "gene_name", "tpm", rows=[(f"{ENSEMBL.get(g, g)}.7", g, v) for g, v in VALUES.items()]
    ),
    "expected counts": expression_text({g: v * 50 for g, v in VALUES.items()}, unit="expected_count"),
    "scientific notation": expression_text({g: f"{v:.12e}" for g, v in VALUES.items()}),
    "every gene in two halves": expression_text({g: v / 2 for g, v in VALUES.items()}) * 1
    + expression_text({g: v / 2 for g, v in VALUES.items()}).split("\n", 1)[1],
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_expression_is_read(tmp_path, how):
    wanted, found = read(tmp_path, SOUND), read(tmp_path, SAME[how])
    both = [(wanted.genes.index(g), found.genes.index(g)) for g in wanted.genes if g in found.genes]
    assert len(both) >= 0.99 * len(wanted.genes)
    mine, theirs = np.array(both).T
    np.testing.assert_allclose(found.values[theirs], wanted.values[mine], atol=0.02)


REFUSED = {
    "log2 by mistake": (expression_text(LOGGED), "seem to be logged already"),
    "log2 with an outlier": (expression_text({**LOGGED, "ACTB": 31.2}), "seem to be logged already"),
    "whole logs": (expression_text({g: round(v) for g, v in LOGGED.items()}, unit="counts"), "seem to be logged"),
    "log2 declared": (expression_text(LOGGED, unit="log2(TPM+1)"), "logarithmic"),
    "z-scores": (expression_text({g: v - 5 for g, v in LOGGED.items()}), "values are negative"),
    "one negative": (SOUND + "ACTB\t-1\n", "1 values are negative"),
    "missing value": (SOUND + "ACTB\tNaN\n", "1 values are missing"),
    "infinite": (SOUND + "ACTB\tinf\n", "infinite"),
    "no unit": (expression_text(VALUES, unit="value"), "names no unit"),
    "sample as unit": (expression_text(VALUES, unit="TCGA-18-3410"), "names no unit"),
    "three units": (table("gene", "counts", "TPM", "FPKM", rows=[("CD274", 1, 2, 3)]), "names 3 units"),
    "several samples": (table("gene", "S1_tpm", "S2_tpm", rows=[("CD274", 1, 2)]), "2 value columns"),
    "decimal comma": (expression_text({g: str(v).replace(".", ",") for g, v in VALUES.items()}), "decimal comma"),
    "semicolons": (SOUND.replace("\t", ";"), "separated by semicolons"),
    "blanks": (SOUND.replace("\t", " "), "separated by blanks"),
    "transposed": (table("gene", *VALUES, rows=[("tpm", *VALUES.values())]), "the genes stand in the columns"),
    "mouse": (expression_text({g.capitalize(): v for g, v in VALUES.items()}), "as in mouse or rat (A2m"),
    "Entrez ids": (expression_text({str(i): v for i, v in enumerate(VALUES.values())}), "no gene name is known"),
    "zeros": (expression_text(dict.fromkeys(VALUES, 0)), "every value is 0"),
    "fractional counts": (expression_text({g: v + 0.3 for g, v in COUNTS.items()}, unit="counts"), "not whole"),
    "spreadsheet": (b"PK\x03\x04" + b"x" * 99, "spreadsheet"),
    "Parquet": (b"PAR1" + b"\0" * 99, "Parquet"),
    "UTF-16": (SOUND.encode("utf-16"), "UTF-16"),
    "Latin-1": ((SOUND + "G\xe9\t1\n").encode("latin-1"), "byte 0xe9"),
    "cut row": (SOUND + "CD274\n", "has 1 columns"),
    "header only": ("gene\ttpm\n", "no genes"),
    "empty": ("", "is empty"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, how):
    content, words = REFUSED[how]
    with pytest.raises(GenomicsError) as caught:
        read(tmp_path, content)
    line = str(caught.value)
    assert words in line
    assert line.startswith("expression.tsv: ") and "\n" not in line and "; expected " in line


def test_a_short_table_says_that_its_scale_cannot_be_told(tmp_path):
    few = dict(list(LOGGED.items())[:100])
    assert "maybe_logged" in codes(read(tmp_path, expression_text(few)))
    assert "maybe_logged" not in codes(read(tmp_path, expression_text({**few, "ACTB": 900.0})))
    assert "maybe_logged" not in codes(read(tmp_path, SOUND))


def test_names_that_became_dates_are_said(tmp_path):
    found = read(tmp_path, SOUND + "1-Mar\t3.0\nSep-02\t4.0\n")
    assert [w.message for w in found.warnings if w.code == "date_genes"] == [
        "expression.tsv: 2 gene names were turned into dates by a spreadsheet (1-Mar, Sep-02) and are not used"
    ]
