"""Mutation files as laboratories, portals and spreadsheets leave them: understood, or refused in one line."""

import gzip

import pytest

from icicore.errors import GenomicsError
from icicore.genomics.mutations import HIGHEST_TMB, read_mutations
from tests.genomics.files import MAF_COLUMNS, csq, maf_text, vcf_text

TP53 = {"Hugo_Symbol": "TP53", "Chromosome": "17", "Start_Position": "7577120", "HGVSp_Short": "p.R273H"}
SOUND = maf_text({}, TP53)
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def read(tmp_path, content, name="mutations.maf", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_mutations(path, **{"case_id": "C1", **options})


def refused(tmp_path, content, name="mutations.maf", **options) -> str:
    with pytest.raises(GenomicsError) as caught:
        read(tmp_path, content, name, **options)
    line = str(caught.value)
    assert line.startswith(f"{name}: ") and "\n" not in line and line.count(";") >= 1
    return line


def codes(calls):
    return [reason.code for reason in calls.warnings]


def as_column(name, value):
    """A sound file whose last column is another one."""
    text = maf_text({}, TP53, columns=(*MAF_COLUMNS[:-1], "t_alt_count"))
    return text.replace("t_alt_count", name).replace("\t10\n", f"\t{value}\n")


SAME = {
    "gzip": gzip.compress(SOUND.encode()),
    "carriage returns": SOUND.replace("\n", "\r\n"),
    "old Mac line ends": SOUND.replace("\n", "\r"),
    "byte order mark": b"\xef\xbb\xbf" + SOUND.encode(),
    "byte order mark before a comment": b"\xef\xbb\xbf#version 2.4\n" + SOUND.encode(),
    "comments of GDC": "#version gdc-1.0.0\n#filedate 20200102\n#annotation.spec x\n" + SOUND,
    "blank lines before the header": "\n\n" + SOUND,
    "blank line after the comment": "#version 2.4\n\n" + SOUND,
    "blank lines between rows": SOUND.replace("\n", "\n\n"),
    "columns in another order": maf_text({}, TP53, columns=tuple(reversed(MAF_COLUMNS))),
    "header in lower case": SOUND.replace("Hugo_Symbol", "hugo_symbol").replace("Variant_C", "variant_c"),
    "quotes around cells": "\n".join(
        "\t".join(f'"{cell}"' for cell in line.split("\t")) for line in SOUND.strip().split("\n")
    ),
    "every row twice": SOUND + SOUND.split("\n", 1)[1],
    "positions as a spreadsheet writes them": SOUND + maf_text({"Start_Position": "140453136.0"}).split("\n", 1)[1],
    "builds hg19 and 37": maf_text({"NCBI_Build": "37"}, {**TP53, "NCBI_Build": "hg19"}),
    "another patient's rows": maf_text({}, TP53, {"Tumor_Sample_Barcode": "C2_T", "Hugo_Symbol": "KRAS"}),
    "filter column": as_column("FILTER", "PASS"),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_mutations_are_read(tmp_path, how):
    calls = read(tmp_path, SAME[how])
    assert sorted((m.gene, m.protein_change) for m in calls.mutations) == [("BRAF", "p.V600E"), ("TP53", "p.R273H")]
    assert calls.tmb == pytest.approx(2 / 30)
    assert calls.genome_build == "GRCh37"


REFUSED = {
    "empty": ("", "is empty"),
    "blanks": (" \n\n ", "is empty"),
    "comments only": ("#version 2.4\n", "comments only"),
    "Latin-1": (SOUND.replace("p.V600E", "p.V600\xe9").encode("latin-1"), "byte 0xe9 in line 2 is not UTF-8"),
    "UTF-16": (SOUND.encode("utf-16"), "UTF-16"),
    "no barcode column": (maf_text({}, columns=MAF_COLUMNS[:5]), "Tumor_Sample_Barcode missing"),
    "commas": (SOUND.replace("\t", ","), "separated by commas"),
    "semicolons": (SOUND.replace("\t", ";"), "separated by semicolons"),
    "blanks between cells": (SOUND.replace("\t", " "), "separated by blanks"),
    "Entrez ids alone": (SOUND.replace("Hugo_Symbol", "Entrez_Gene_Id"), "Entrez ids alone cannot be used"),
    "Entrez ids as symbols": (SOUND.replace("BRAF", "673").replace("TP53", "7157"), "holds numbers (673)"),
    "mixed builds": (maf_text({}, {**TP53, "NCBI_Build": "GRCh38"}), "two genome builds are mixed"),
    "old build": (maf_text({"NCBI_Build": "36"}), "genome build is '36'"),
    "mouse": (maf_text({"NCBI_Build": "mm10"}), "genome build is 'mm10'"),
    "another patient": (maf_text({"Tumor_Sample_Barcode": "P99"}), "other patient's barcode 'P99'"),
    "two samples of the patient": (maf_text({}, {"Tumor_Sample_Barcode": "C1_M"}), "2 of case 'C1'"),
    "cut row": (SOUND + "BRAF\tGRCh37\n", "no Tumor_Sample_Barcode, the first in line 4"),
    "wide row": (SOUND + "\t".join("x" * 14) + "\n", "more columns than the header"),
    "spreadsheet": (b"PK\x03\x04" + b"x" * 99, "spreadsheet"),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "Excel"),
    "Parquet": (b"PAR1" + b"\0" * 99, "Parquet"),
    "damaged gzip": (gzip.compress(SOUND.encode() * 50)[:-20], "truncated or damaged"),
    "nothing passes the filter": (as_column("FILTER", "panel_of_normals"), "none of 2 somatic rows passes FILTER"),
    "web page": ("<html><body>log in</body></html>", "Hugo_Symbol"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, how):
    content, words = REFUSED[how]
    assert words in refused(tmp_path, content)


def test_germline_rows_alone_are_said_to_be_so(tmp_path):
    calls = read(tmp_path, as_column("Mutation_Status", "Germline"))
    assert not calls.mutations
    assert "germline_only" in codes(calls)


def test_a_single_unknown_gene_is_said(tmp_path):
    assert "unknown_genes" in codes(read(tmp_path, maf_text({"Hugo_Symbol": "BRAF;KRAS"})))
    assert "unknown_genes" in codes(read(tmp_path, maf_text({"Hugo_Symbol": "2023-03-01"}, {}, TP53)))
    assert "unknown_genes" not in codes(read(tmp_path, maf_text({"Hugo_Symbol": "FOO1"}, {}, TP53)))


def test_more_mutations_than_a_tumour_has_are_doubted(tmp_path):
    rows = [{"Start_Position": str(i), "HGVSp_Short": f"p.A{i}V"} for i in range(1, int(HIGHEST_TMB * 30) + 2)]
    calls = read(tmp_path, maf_text(*rows))
    assert calls.tmb == pytest.approx(len(rows) / 30)
    assert "implausible_tmb" in codes(calls)
    assert "implausible_tmb" not in codes(read(tmp_path, maf_text(*rows[:-1])))


MISSENSE = csq("T", "missense_variant", "BRAF", protein="ENSP1:p.Val600Glu")
VCF = vcf_text(f"1 100 . C T . PASS CSQ={MISSENSE} GT 0/0 0/1")
BLOCKS = gzip.compress(VCF[:200].encode()) + gzip.compress(VCF[200:].encode()) + BGZF_END


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (gzip.compress(VCF.encode()), "mutations.vcf.gz"),
        (BLOCKS, "mutations.vcf.gz"),
        (BLOCKS, "mutations.vcf.bgz"),
        (VCF.replace("\n", "\r\n"), "mutations.vcf"),
        (b"\xef\xbb\xbf" + VCF.encode(), "mutations.vcf"),
        (VCF.replace("|IMPACT", "").replace("|X|", "|"), "mutations.vcf"),
        (VCF.replace("0/0\t0/1", "0/0\t./."), "mutations.vcf"),
        (VCF.replace("PASS", "."), "mutations.vcf"),
    ],
)
def test_the_same_vcf_is_read(tmp_path, content, name):
    calls = read(tmp_path, content, name)
    assert [(m.gene, m.protein_change) for m in calls.mutations] == [("BRAF", "p.V600E")]
    assert calls.sample == "TUMOR" and not calls.warnings


def test_a_vcf_without_symbols_gives_its_ensembl_ids(tmp_path):
    text = VCF.replace("SYMBOL|", "STRAND|").replace("ENSG0", "ENSG00000157764.14")
    assert [m.gene for m in read(tmp_path, text, "mutations.vcf").mutations] == ["BRAF"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (vcf_text("1 100 . C T . PASS DP=3 GT 0/0 0/1", kind=""), "not annotated"),
        (vcf_text("1 100 . C T . PASS DP=3 GT 0/0 0/1"), "no record carries it"),
        (VCF.replace("PASS", "LowQual"), "none of 1 records passes FILTER (found 'LowQual')"),
        (VCF.replace("NORMAL\tTUMOR", "S1\tS2"), "none of case 'C1'"),
        (VCF.replace("\t", " "), "not the VCF column header"),
        (VCF + "1\t100\n", "line 6 is broken (2 columns)"),
        (VCF.replace("##contig", "##reference=file:///x/mm10.fa\n##contig"), "'mm10'"),
        (VCF.replace("##contig", "##reference=file:///x/hg19.fa\n##contig"), "two genome builds"),
        (b"BCF\x02\x02" + b"\0" * 10, "binary VCF"),
        (SOUND, "does not begin with ##fileformat=VCF"),
    ],
)
def test_a_vcf_that_cannot_be_read_is_refused_in_one_line(tmp_path, content, words):
    assert words in refused(tmp_path, content, "mutations.vcf")


def test_records_that_nobody_annotated_are_counted(tmp_path):
    bare = [f"1 {i} . C T . PASS DP=3 GT 0/0 0/1" for i in range(200, 203)]
    calls = read(tmp_path, vcf_text(f"1 100 . C T . PASS CSQ={MISSENSE} GT 0/0 0/1", *bare), "mutations.vcf")
    assert len(calls.mutations) == 1
    assert [w.message for w in calls.warnings if w.code == "not_annotated"] == [
        "mutations.vcf: 3 of 4 somatic alleles carry no CSQ and are not counted"
    ]
