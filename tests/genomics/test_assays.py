import pytest

from icicore.errors import GenomicsError
from icicore.genomics.assays import assay_of, known_assay, read_gene_matrix, read_gene_panel
from tests.genomics.files import write


@pytest.mark.parametrize("name", ["IMPACT468", "MSK-IMPACT468", "msk-impact-468"])
def test_assays_are_known_by_name(name):
    assay = known_assay(name)
    assert assay is not None and assay.megabases == 1.22
    assert {"KMT2D", "B2M", "H3C2"} <= assay.genes
    assert assay_of(name, source="case.json") == assay


@pytest.mark.parametrize("value", [None, "", "WES", "wxs"])
def test_exome_is_no_panel(value):
    assert assay_of(value, source="case.json") is None


def test_stated_genes_are_a_panel():
    assay = assay_of(["MLL2", "BRAF"], source="case.json")
    assert assay is not None and assay.genes == {"KMT2D", "BRAF"}


@pytest.mark.parametrize("value", ["OurPanel", 7, [], [1]])
def test_anything_else_is_asked_for(value):
    with pytest.raises(GenomicsError, match="case.json: gene panel .* is unknown; expected WES, IMPACT341"):
        assay_of(value, source="case.json")


def test_panel_file(tmp_path):
    path = write(tmp_path / "data_gene_panel_x.txt", "stable_id: x\ndescription: ours: small\ngene_list: MLL2\tTP53\n")
    assert read_gene_panel(path).genes == {"KMT2D", "TP53"}
    with pytest.raises(GenomicsError, match="is no gene panel"):
        read_gene_panel(write(tmp_path / "y.txt", "stable_id: x\n"))


def test_matrix_file(tmp_path):
    text = "SAMPLE_ID\tcna\tmy_study_mutations\nA\tp1\tp2\nB\tp1\n"
    assert read_gene_matrix(write(tmp_path / "m.txt", text)) == {"A": "p2"}
    with pytest.raises(GenomicsError, match="is no gene matrix"):
        read_gene_matrix(write(tmp_path / "n.txt", "A\tB\n"))
