import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icicore.errors import GenomicsError
from icicore.genomics.mutations import Mutation, calls_by_sample, read_mutations
from tests.genomics.files import MAF_COLUMNS, maf_text, write

SILENT = {"Variant_Classification": "Silent", "Hugo_Symbol": "ALK", "Start_Position": "2", "HGVSp_Short": "p.A1="}
TP53 = {"Hugo_Symbol": "TP53", "Start_Position": "7578406", "HGVSp_Short": "p.R175H"}


def codes(calls):
    return {reason.code for reason in calls.warnings}


def test_worked_table(tmp_path):
    calls = read_mutations(write(tmp_path / "m.maf", maf_text({}, TP53, SILENT)), case_id="C1")
    assert calls.mutations[0] == Mutation("BRAF", "Missense_Mutation", "p.V600E", 0.25, "7", 140453136)
    assert calls.genes == {"BRAF", "TP53"}
    assert calls.n_synonymous == 1
    assert calls.tmb == pytest.approx(2 / 30)
    assert (calls.covered_genes, calls.covered_mb, calls.genome_build) == (None, 30.0, "GRCh37")
    assert calls.warnings == ()


@pytest.mark.parametrize("name", ["m.maf", "m.maf.gz", "m.txt"])
@pytest.mark.parametrize("comments", ["", "#version 2.4\n", "#version 2.4\n#sequenced_samples: C1_T\n"])
def test_names_and_comments_make_no_difference(tmp_path, name, comments):
    calls = read_mutations(write(tmp_path / name, maf_text({}, comments=comments)), case_id="C1")
    assert calls.genes == {"BRAF"}


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_of_other_systems(tmp_path, ends):
    calls = read_mutations(write(tmp_path / "m.maf", "\ufeff" + maf_text({}, TP53).replace("\n", ends)))
    assert calls.genes == {"BRAF", "TP53"}


def test_quotes_are_stripped_and_harmless(tmp_path):
    row = {"Chromosome": '"7"', "NCBI_Build": 'GRCh37"', "Hugo_Symbol": '"BRAF'}
    calls = read_mutations(write(tmp_path / "m.maf", maf_text(row, TP53)))
    assert calls.genes == {"BRAF", "TP53"}


def test_outdated_symbols_are_resolved_and_duplicates_merged(tmp_path):
    old, new = {"Hugo_Symbol": "MLL2"}, {"Hugo_Symbol": "KMT2D"}
    calls = read_mutations(write(tmp_path / "m.maf", maf_text(old, new, new)))
    assert [mutation.gene for mutation in calls.mutations] == ["KMT2D"]


def test_germline_and_filtered_rows_do_not_count(tmp_path):
    columns = (*MAF_COLUMNS, "Mutation_Status", "FILTER")
    rows = (
        {**TP53, "Mutation_Status": "GERMLINE"},
        {"Mutation_Status": "Somatic", "FILTER": "PASS"},
        {"Hugo_Symbol": "KRAS", "FILTER": "common_variant"},
    )
    assert read_mutations(write(tmp_path / "m.maf", maf_text(*rows, columns=columns))).genes == {"BRAF"}


def test_synonymous_only_is_valid_and_said(tmp_path):
    calls = read_mutations(write(tmp_path / "m.maf", maf_text(SILENT)))
    assert (calls.mutations, calls.tmb, calls.n_synonymous) == ((), 0.0, 1)
    assert codes(calls) == {"synonymous_only"}


def test_header_only_is_wild_type_and_said(tmp_path):
    calls = read_mutations(write(tmp_path / "m.maf", maf_text()), case_id="C1")
    assert (calls.mutations, calls.tmb, calls.sample) == ((), 0.0, "C1")
    assert codes(calls) == {"no_mutations"}


def test_panel_states_what_it_measured(tmp_path):
    path = write(tmp_path / "m.maf", maf_text({}))
    small = read_mutations(path, covered_genes=["BRAF", "MLL2"])
    assert small.covered_genes == {"BRAF", "KMT2D"}
    assert small.tmb is None and "tmb_not_measured" in codes(small)
    sized = read_mutations(path, covered_genes=["BRAF"], covered_mb=1.25)
    assert sized.tmb == pytest.approx(0.8)


@pytest.mark.parametrize("case_id", ["C1", "c1", "C1_T", "C1_T-01"])
def test_own_barcode_is_accepted(tmp_path, case_id):
    assert read_mutations(write(tmp_path / "m.maf", maf_text({})), case_id=case_id).sample == "C1_T"


def test_anonymous_barcode_is_accepted(tmp_path):
    row = {"Tumor_Sample_Barcode": "TUMOR"}
    assert read_mutations(write(tmp_path / "m.maf", maf_text(row)), case_id="C1").genes == {"BRAF"}


def test_other_patients_barcode_needs_to_be_stated(tmp_path):
    path = write(tmp_path / "m.maf", maf_text({"Tumor_Sample_Barcode": "C10_T"}))
    with pytest.raises(GenomicsError, match=r"m.maf: other patient's barcode 'C10_T'; expected .*'C1'.*case.json"):
        read_mutations(path, case_id="C1")
    assert read_mutations(path, case_id="C1", sample_barcode="C10_T").genes == {"BRAF"}
    with pytest.raises(GenomicsError, match="no sample 'C11_T'"):
        read_mutations(path, case_id="C1", sample_barcode="C11_T")


def test_several_samples_need_exactly_one_of_the_case(tmp_path):
    other = {**TP53, "Tumor_Sample_Barcode": "C2_T"}
    path = write(tmp_path / "m.maf", maf_text({}, other))
    assert read_mutations(path, case_id="C2").genes == {"TP53"}
    with pytest.raises(GenomicsError, match="holds 2 samples"):
        read_mutations(path)
    with pytest.raises(GenomicsError, match="none of case 'C3'"):
        read_mutations(path, case_id="C3")
    both = write(tmp_path / "b.maf", maf_text({}, {**TP53, "Tumor_Sample_Barcode": "C1_M"}))
    with pytest.raises(GenomicsError, match="2 of case 'C1'; expected exactly one"):
        read_mutations(both, case_id="C1")


def test_study_lists_samples_without_mutation(tmp_path):
    text = maf_text({}, comments="#sequenced_samples: C1_T C2_T\n")
    calls = calls_by_sample(write(tmp_path / "m.maf", text), coverage={"C2_T": ["BRAF"]}, covered_mb=1.0)
    assert list(calls) == ["C1_T", "C2_T"]
    assert calls["C2_T"].tmb == 0.0 and calls["C2_T"].covered_genes == {"BRAF"}


def test_one_sample_of_a_study_equals_its_own_file(tmp_path):
    rows = ({}, TP53, SILENT)
    alone = read_mutations(write(tmp_path / "a.maf", maf_text(*rows)))
    study = write(tmp_path / "s.maf", maf_text(*rows, {"Tumor_Sample_Barcode": "C2_T"}))
    assert calls_by_sample(study)["C1_T"] == alone


@pytest.mark.parametrize("missing", ["Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode"])
def test_missing_column_is_named(tmp_path, missing):
    columns = [column for column in MAF_COLUMNS if column != missing]
    with pytest.raises(GenomicsError, match=f"m.maf: required column {missing} missing"):
        read_mutations(write(tmp_path / "m.maf", maf_text({}, columns=columns)))


@pytest.mark.parametrize("build", ["hg18", "NCBI36", "GRCm38", "36", "mm10"])
def test_wrong_build_is_refused(tmp_path, build):
    with pytest.raises(GenomicsError, match=f"genome build is '{build}'; expected GRCh37"):
        read_mutations(write(tmp_path / "m.maf", maf_text({"NCBI_Build": build})))


@pytest.mark.parametrize(
    ("name", "build"), [("37", "GRCh37"), ("hg19", "GRCh37"), ("GRCh38.p13", "GRCh38"), ("hg38", "GRCh38")]
)
def test_builds_have_many_names(tmp_path, name, build):
    assert read_mutations(write(tmp_path / "m.maf", maf_text({"NCBI_Build": name}))).genome_build == build


def test_mixed_builds_are_refused_and_absent_ones_said(tmp_path):
    mixed = maf_text({}, {**TP53, "NCBI_Build": "GRCh38"})
    with pytest.raises(GenomicsError, match="two genome builds"):
        read_mutations(write(tmp_path / "m.maf", mixed))
    unstated = read_mutations(write(tmp_path / "n.maf", maf_text({"NCBI_Build": ""})))
    assert codes(unstated) == {"unknown_build"}


def test_unknown_classes(tmp_path):
    odd = {**TP53, "Variant_Classification": "Sparkling_Mutation"}
    with pytest.raises(GenomicsError, match="no Variant_Classification is known .found 'Sparkling_Mutation'"):
        read_mutations(write(tmp_path / "m.maf", maf_text(odd)))
    calls = read_mutations(write(tmp_path / "n.maf", maf_text({}, odd)))
    assert calls.genes == {"BRAF"} and codes(calls) == {"unknown_classification"}


def test_spreadsheet_dates_and_unknown_symbols_are_counted(tmp_path):
    calls = read_mutations(write(tmp_path / "m.maf", maf_text({}, {"Hugo_Symbol": "1-Mar"}, {"Hugo_Symbol": "ZZTOP9"})))
    assert [r.message for r in calls.warnings] == [
        "m.maf: 2 of 3 rows name no known gene (1-Mar, ZZTOP9), some turned into dates by a spreadsheet"
    ]


def test_broken_rows(tmp_path):
    with pytest.raises(GenomicsError, match="1 of 2 rows have no Tumor_Sample_Barcode, the first in line 3"):
        read_mutations(write(tmp_path / "m.maf", maf_text({}) + "TP53\tGRCh37\t17\n"))
    with pytest.raises(GenomicsError, match="more columns than the header"):
        read_mutations(write(tmp_path / "n.maf", maf_text({}) + "\t".join("abcdefghijklmnop") + "\n"))
    with pytest.raises(GenomicsError, match="1 of 1 rows have no Tumor_Sample_Barcode"):
        read_mutations(write(tmp_path / "o.maf", maf_text({"Tumor_Sample_Barcode": ""})))


@pytest.mark.parametrize("text", ["V600E", "p.V600E", "p.Val600Glu", "ENSP1.2:p.Val600Glu", "c.1799T>A_p.V600E"])
def test_protein_changes_are_written_one_way(tmp_path, text):
    calls = read_mutations(write(tmp_path / "m.maf", maf_text({"HGVSp_Short": text})))
    assert calls.mutations[0].protein_change == "p.V600E"


def test_calls_in_cancer_genes_only_are_suspected_to_be_a_panel(tmp_path):
    genes = ("BRAF", "TP53", "KRAS", "PTEN", "STK11", "KEAP1", "NF1", "RB1")
    rows = [{"Hugo_Symbol": gene} for gene in genes]
    path = write(tmp_path / "m.maf", maf_text(*rows))
    assert codes(read_mutations(path)) == {"maybe_panel"}
    assert codes(read_mutations(path, covered_genes=genes, covered_mb=1.2)) == set()
    exome = write(tmp_path / "e.maf", maf_text(*rows, {"Hugo_Symbol": "TTN"}))
    assert codes(read_mutations(exome)) == set()


BROKEN = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n\n", "the file is empty"),
    "binary": (b"\x00\x01\x02" * 100, "a binary file"),
    "spreadsheet": (b"PK\x03\x04" + b"\0" * 50, "zip archive or spreadsheet"),
    "utf16": ("Hugo_Symbol\tA".encode("utf-16"), "UTF-16 text"),
    "latin1": (maf_text({"Hugo_Symbol": "BRAFé"}).encode("latin-1"), "byte 0xe9 in line 2 is not UTF-8"),
    "comments": (b"#version 2.4\n", "comments only"),
    "commas": (maf_text({}).replace("\t", ",").encode(), "separated by commas"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_unreadable_files_get_one_line(tmp_path, fault):
    content, message = BROKEN[fault]
    path = tmp_path / "m.maf"
    path.write_bytes(content)
    with pytest.raises(GenomicsError, match=message) as caught:
        read_mutations(path)
    assert str(caught.value).startswith("m.maf: ") and "\n" not in str(caught.value)


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 400), junk=st.binary(max_size=30), name=st.sampled_from(["m.maf", "m.vcf", "m.maf.gz"]))
def test_damaged_text_is_read_or_refused_in_one_line(tmp_path_factory, cut, junk, name):
    sound = maf_text({}, TP53).encode()
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(sound[:cut] + junk + sound[cut + len(junk) :])
    try:
        read_mutations(path)
    except GenomicsError as error:
        assert str(error).startswith(f"{name}: ") and "\n" not in str(error)


def test_truncated_gzip_and_false_gzip(tmp_path):
    path = tmp_path / "m.maf.gz"
    path.write_bytes(gzip.compress(maf_text(*[{"Start_Position": str(i)} for i in range(999)]).encode())[:-20])
    with pytest.raises(GenomicsError, match="truncated or damaged"):
        read_mutations(path)
    path.write_bytes(b"plain text")
    with pytest.raises(GenomicsError, match="not gzip data"):
        read_mutations(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(GenomicsError, match="does not exist"):
        read_mutations(tmp_path / "no.maf")
    with pytest.raises(GenomicsError, match="is a folder"):
        read_mutations(tmp_path)
