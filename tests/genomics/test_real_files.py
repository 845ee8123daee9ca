"""Real public files: mutation and expression tables of treated cohorts, MAF and VCF of published tools."""

import gzip
import time

import pandas as pd
import pytest
import vcfpy

from icicore.errors import GenomicsError
from icicore.genomics.assays import known_assay, read_gene_matrix, read_gene_panel
from icicore.genomics.expression_matrix import read_expression_matrix
from icicore.genomics.features import encode
from icicore.genomics.mutations import calls_by_sample, read_mutations
from icicore.genomics.panel import load_panel
from tests.shared_data import shared

PANEL = load_panel()
CHANGING = {
    *("Missense_Mutation", "Nonsense_Mutation", "Nonstop_Mutation", "Splice_Site", "Translation_Start_Site"),
    *("Frame_Shift_Del", "Frame_Shift_Ins", "In_Frame_Del", "In_Frame_Ins"),
    *("Start_Codon_Del", "Stop_Codon_Del", "Stop_Codon_Ins"),
}


def plain(path):
    return pd.read_csv(path, sep="\t", dtype=str, comment="#", quoting=3)


@pytest.mark.parametrize("study", ["liu2019", "riaz2017", "rizvi2018", "imvigor210"])
def test_burden_agrees_with_a_plain_count(study):
    path = shared(f"cohorts/{study}/data_mutations.txt")
    frame = plain(path)
    changing = frame[frame["Variant_Classification"].isin(CHANGING)].drop_duplicates()
    expected = changing.groupby("Tumor_Sample_Barcode").size()
    calls = calls_by_sample(path)
    assert set(calls) == set(frame["Tumor_Sample_Barcode"])
    for sample, found in calls.items():
        # A gene under two names, or one change on two rows, may merge; nothing may be added.
        assert 0.98 * expected.get(sample, 0) - 1 <= len(found.mutations) <= expected.get(sample, 0)
        assert found.tmb == pytest.approx(len(found.mutations) / 30)


def test_exome_study_reads_in_seconds():
    path = shared("cohorts/liu2019/data_mutations.txt")
    start = time.process_time()
    calls_by_sample(path)
    assert time.process_time() - start < 6  # about 1 s on an idle core; the machine may be shared


def test_panel_study_measures_only_its_panel():
    path = shared("cohorts/rizvi2018/data_mutations.txt")
    small, large = known_assay("IMPACT341"), known_assay("MSK-IMPACT468")
    assert small is not None and large is not None and known_assay("UNKNOWN9") is None
    calls = calls_by_sample(path, coverage=dict.fromkeys(["P-0012629_T"], small.genes), covered_mb=small.megabases)
    features = encode(PANEL, mutations=calls["P-0012629_T"], expression=None)
    covered = {gene for gene, on in zip(PANEL.mutation_genes, features.mutation_measured, strict=True) if on}
    assert 330 <= len(covered) <= 341 and {"TP53", "STK11", "KMT2D"} <= covered
    # Every gene that the three panels report is one that we can place.
    genes = {mutation.gene for found in calls.values() for mutation in found.mutations}
    assert genes <= large.genes | {"INSRR"}


def test_germline_rows_and_samples_without_mutation_of_a_real_study():
    folder = shared("cohorts/lung_msk_2017")
    path = folder / "data_mutations_extended.txt"
    calls = calls_by_sample(path)
    listed = path.read_text().split("\n", 1)[0].split()[1:]
    assert set(listed) <= set(calls)
    frame = pd.read_csv(path, sep="\t", dtype=str, skiprows=1, quoting=3)
    somatic = frame[frame["Mutation_Status"].str.upper() != "GERMLINE"]
    n_found = sum(len(found.mutations) for found in calls.values())
    assert n_found <= somatic["Variant_Classification"].isin(CHANGING).sum() < len(frame)
    assert n_found > 0.95 * somatic["Variant_Classification"].isin(CHANGING).sum()
    matrix = read_gene_matrix(folder / "data_gene_matrix.txt")
    panel = read_gene_panel(folder / "data_gene_panel_impact341.txt")
    assert matrix["P-0000036-T01-IM3"] == panel.name == "IMPACT341" and len(panel.genes) == 341


def test_vep_vcf_agrees_with_a_second_reader():
    path = shared("parsers/hcc1395_vep_expression.vcf.gz")
    calls = read_mutations(path, case_id="HCC1395")
    assert (calls.genome_build, calls.sample) == ("GRCh38", "HCC1395_TUMOR_DNA")
    severe = {
        *("missense_variant", "stop_gained", "stop_lost", "start_lost", "frameshift_variant"),
        *("inframe_insertion", "inframe_deletion", "splice_acceptor_variant", "splice_donor_variant"),
    }
    expected = set()
    with gzip.open(path, "rt") as stream, vcfpy.Reader(stream) as reader:
        fields = reader.header.get_info_field_info("CSQ").description.split("Format: ")[1].split("|")
        for record in reader:
            if set(record.FILTER) - {"PASS"}:
                continue
            for text in record.INFO["CSQ"]:
                entry = dict(zip(fields, text.split("|"), strict=False))
                if entry["PICK"] == "1" and severe & set(entry["Consequence"].split("&")):
                    expected.add((record.CHROM.removeprefix("chr"), record.POS))
    found = {(mutation.chrom, mutation.pos) for mutation in calls.mutations}
    assert found == expected
    assert len(found) > 300
    assert all(mutation.vaf is not None for mutation in calls.mutations)


def test_snpeff_cancer_example_counts_the_somatic_allele_only():
    calls = read_mutations(shared("parsers/snpeff_cancer_example.ann.vcf"), case_id="Patient_01")
    assert [m.protein_change for m in calls.mutations] == ["p.M1?"] and calls.genome_build == "GRCh37"


@pytest.mark.parametrize("name", ["test_b38", "test_merged", "test_mutect", "test_strelka", "test_varscan"])
def test_raw_caller_output_is_refused(name):
    with pytest.raises(GenomicsError, match="is not annotated"):
        read_mutations(shared(f"parsers/{name}.vcf"))


def test_maf_of_a_converter():
    calls = read_mutations(shared("parsers/test_b38_output.maf"), case_id="C1")
    assert (len(calls.mutations), calls.n_synonymous, calls.genome_build) == (20, 4, "GRCh38")
    assert calls.mutations[0].protein_change == "p.L429R" and calls.mutations[0].vaf == pytest.approx(21 / 54)


def test_maf_with_old_line_ends_and_many_patients():
    path = shared("parsers/APL_primary.maf.gz")
    assert len(calls_by_sample(path)) == 124
    with pytest.raises(GenomicsError, match="holds 124 samples"):
        read_mutations(path)


def test_maf_with_stray_quotes():
    calls = read_mutations(shared("parsers/broken_studies/study_quotes/brca_tcga_pub.maf"), case_id="TCGA-A1-A0SB")
    assert len(calls.mutations) == 10 and all('"' not in m.gene + m.chrom + m.protein_change for m in calls.mutations)


def test_maf_without_build_says_so():
    calls = read_mutations(shared("parsers/brca.maf.gz"))
    assert [reason.code for reason in calls.warnings] == ["unknown_build"]


@pytest.mark.parametrize(
    ("study", "unit", "n_measured"), [("liu2019", "tpm", 700), ("riaz2017", "counts", 1800), ("imvigor210", "tpm", 700)]
)
def test_cohort_expression(study, unit, n_measured):
    matrix = read_expression_matrix(shared(f"cohorts/{study}/data_mrna_seq_{unit}.txt"))
    features = encode(PANEL, mutations=None, expression=matrix.sample(matrix.samples[0]))
    assert matrix.unit == unit and features.expression_measured.sum() >= n_measured
    assert features.expression.min() >= 0
    assert features.expression.max() < 30
