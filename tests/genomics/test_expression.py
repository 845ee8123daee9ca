import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icicore.errors import GenomicsError
from icicore.genomics.expression import normalise_expression, read_expression, to_tpm, upper_quartile
from icicore.genomics.expression_matrix import read_expression_matrix
from tests.genomics.files import expression_text, expression_values, write

POSITIVE = arrays(np.float64, 12, elements=st.floats(0.01, 1e5))


def read(tmp_path, values, *, unit="tpm"):
    return read_expression(write(tmp_path / "expression.tsv", expression_text(values, unit=unit)))


def test_upper_quartile_of_a_worked_table():
    # Expressed: 1, 2, 3, 4, 5; the zeros do not count. 75th percentile = 4.
    assert upper_quartile(np.array([0.0, 5, 1, 2, 0, 3, 4])) == 4.0
    two = np.array([[0.0, 10], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0]])
    np.testing.assert_array_equal(upper_quartile(two), [4.0, 10.0])


def test_normalisation_of_a_worked_table():
    got = normalise_expression(np.array([0.0, 1, 2, 3, 4, 5]))
    np.testing.assert_allclose(got, np.log2(1 + 1000 * np.array([0, 1, 2, 3, 4, 5]) / 4), rtol=1e-6)
    assert got.dtype == np.float32 and got[0] == 0 and got[4] == pytest.approx(np.log2(1001))


def test_tpm_of_a_worked_table():
    # Reads 10, 20, 30 over 1, 2 and 3 kb are the same rate: a third of a million each.
    counts, lengths = np.array([10.0, 20, 30]), np.array([1000.0, 2000, 3000])
    np.testing.assert_allclose(to_tpm(counts, "counts", lengths=lengths), [1e6 / 3] * 3)
    np.testing.assert_allclose(to_tpm(np.array([1.0, 3]), "fpkm"), [250000, 750000])
    with pytest.raises(GenomicsError, match="no gene lengths"):
        to_tpm(counts, "counts")


@settings(deadline=None)
@given(values=POSITIVE)
def test_tpm_sum_to_a_million(values):
    assert to_tpm(values, "fpkm").sum() == pytest.approx(1e6)
    assert to_tpm(values, "counts", lengths=values + 1).sum() == pytest.approx(1e6)


@settings(deadline=None)
@given(values=POSITIVE, depth=st.floats(0.001, 1000))
def test_normalisation_does_not_depend_on_depth(values, depth):
    np.testing.assert_allclose(normalise_expression(values * depth), normalise_expression(values), rtol=1e-5, atol=1e-6)


@settings(deadline=None)
@given(values=POSITIVE)
def test_normalisation_keeps_the_order_of_genes(values):
    ranks = np.argsort(values, kind="stable")
    assert (np.diff(normalise_expression(values)[ranks]) >= 0).all()


def test_tpm_and_fpkm_of_one_sample_agree(tmp_path):
    values = expression_values()
    tpm = read(tmp_path, values)
    fpkm = read(tmp_path, {gene: value * 0.37 for gene, value in values.items()}, unit="FPKM")
    np.testing.assert_allclose(tpm.values, fpkm.values, rtol=1e-5)
    assert (tpm.unit, fpkm.unit, tpm.warnings) == ("tpm", "fpkm", ())


@pytest.mark.parametrize(
    "header", ["gene\ttpm", "TPM\tgene", "Hugo_Symbol\tEntrez\tTPM (sample 1)", "gene_id\traw_counts", "gene,fpkm"]
)
def test_headers_that_name_the_unit(tmp_path, header):
    sep = "," if "," in header else "\t"
    names = header.split(sep)
    rows = []
    for i, gene in enumerate(expression_values()):
        cell = {"Entrez": "7"}
        rows.append(
            sep.join(
                cell.get(n, gene if n.lower() in ("gene", "hugo_symbol", "gene_id") else str(i * 10)) for n in names
            )
        )
    expression = read_expression(write(tmp_path / "e.tsv", header + "\n" + "\n".join(rows)))
    assert len(expression.genes) == 1000 and expression.values[0] == 0 < expression.values[-1]


def test_old_symbols_ensembl_ids_and_duplicates(tmp_path):
    base = expression_values()
    values = {**base, "PDL1": 5.0, "ENSG00000153563.16": 7.0}
    values.pop("CD274", None), values.pop("CD8A", None)
    text = expression_text(values) + "MLANA\t3\nMLANA\t4\n"
    expression = read_expression(write(tmp_path / "e.tsv", text))
    once = read(tmp_path, {**{k: v for k, v in values.items()}, "MLANA": values.get("MLANA", 0.0) + 7})
    assert {"CD274", "CD8A"} <= set(expression.genes)
    assert {r.code for r in expression.warnings} == {"duplicate_genes"}
    of = lambda e: dict(zip(e.genes, e.values, strict=True))["MLANA"]  # noqa: E731
    assert of(expression) == pytest.approx(of(once))


def test_few_genes_are_said(tmp_path):
    expression = read(tmp_path, expression_values(n_genes=50))
    assert [r.code for r in expression.warnings] == ["few_genes"]


VALUES = expression_values()
SOME = next(iter(VALUES))
FAULTS = {
    "no unit": (
        expression_text(VALUES, unit="value"),
        "the header names no unit; expected one value column named counts",
    ),
    "two units": ("gene\ttpm\tcounts\nCD274\t1\t1\n", "names 2 units"),
    "two samples": ("gene\ttpm_a\ttpm_b\nCD274\t1\t1\n", "has 2 value columns"),
    "log column": (expression_text(VALUES, unit="log2_tpm"), "logarithmic"),
    "negative": (expression_text({**VALUES, SOME: -1.5}), "1 values are negative"),
    "nan": (expression_text({**VALUES, SOME: "NaN"}), "1 values are missing"),
    "infinite": (expression_text({**VALUES, SOME: "inf"}), "1 values are infinite"),
    "decimal comma": (expression_text({**VALUES, SOME: "3,5"}), "a number with a decimal comma"),
    "word": (expression_text({**VALUES, SOME: "high"}), "'high' of gene .* is not a number"),
    "logged": (expression_text({g: np.log2(1 + v) for g, v in VALUES.items()}), "logged already"),
    "tpm as counts": (expression_text(VALUES, unit="counts"), "mostly not whole"),
    "no gene known": ("gene\ttpm\nabc\t1\ndef\t2\n", "no gene name is known"),
    "all zero": (expression_text(dict.fromkeys(VALUES, 0)), "every value is 0"),
    "header only": ("gene\ttpm\n", "a header but no genes"),
    "one column": ("tpm\n1\n", "has one column"),
    "ragged": ("gene\ttpm\nCD274\t1\t2\n", "line 2 has 3 columns"),
    "comma csv": ("gene,tpm\nCD274,1,5\n", "line 2 has 3 columns, perhaps a decimal comma"),
    "comments": ("# nothing\n", "comments only"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_get_one_line(tmp_path, fault):
    text, message = FAULTS[fault]
    with pytest.raises(GenomicsError, match=message) as caught:
        read_expression(write(tmp_path / "expression.tsv", text))
    assert str(caught.value).startswith("expression.tsv: ") and "\n" not in str(caught.value)


def test_expected_counts_and_small_libraries_are_counts(tmp_path):
    rng = np.random.default_rng(0)
    small = {gene: int(rng.negative_binomial(0.3, 0.02)) for gene in VALUES}
    assert read(tmp_path, small, unit="counts").warnings == ()
    partly = {g: v + (0.5 if i % 3 == 0 else 0) for i, (g, v) in enumerate(small.items())}
    read(tmp_path, {**partly, SOME: 5000}, unit="expected_counts")


def test_matrix_equals_the_files_of_its_samples(tmp_path):
    a, b = expression_values(seed=1), expression_values(seed=2)
    text = "Hugo_Symbol\tEntrez_Gene_Id\tA_T\tB_T\n" + "".join(f"{g}\t1\t{a[g]}\t{b[g]}\n" for g in a)
    matrix = read_expression_matrix(write(tmp_path / "data_mrna_seq_tpm.txt", text))
    assert matrix.samples == ("A_T", "B_T") and matrix.unit == "tpm"
    for name, values in (("A_T", a), ("B_T", b)):
        alone = read(tmp_path, values)
        assert matrix.sample(name).genes == alone.genes
        np.testing.assert_array_equal(matrix.sample(name).values, alone.values)


def test_matrix_keeps_gaps_as_not_measured(tmp_path):
    text = "Hugo_Symbol\tA\tB\nCD274\tNA\t5\nCD8A\t3\t4\nMLANA\t8\t9\n"
    matrix = read_expression_matrix(write(tmp_path / "m.txt", text), "tpm")
    assert np.isnan(matrix.values[0, 0]) and np.isfinite(matrix.values[1:]).all()


def test_matrix_faults(tmp_path):
    def fails(name, text, message):
        with pytest.raises(GenomicsError, match=message):
            read_expression_matrix(write(tmp_path / name, text))

    fails("m.txt", "Hugo_Symbol\tA\nCD274\t1\n", "the unit is not stated")
    fails("m_tpm.txt", "A\tB\n1\t2\n", "no gene column")
    fails("m_tpm.txt", "Hugo_Symbol\tA\tA\nCD274\t1\t1\n", "sample 'A' is there twice")
    fails("m_tpm.txt", "Hugo_Symbol\tA\n", "no genes")
    fails("m_tpm.txt", "Hugo_Symbol\n", "no sample column")
    fails(
        "m_tpm.txt", "Hugo_Symbol\tA\nCD274\t1,5\n", "'1,5' of gene CD274 in sample A is a number with a decimal comma"
    )
