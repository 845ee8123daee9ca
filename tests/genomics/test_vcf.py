import pytest

from icicore.errors import GenomicsError
from icicore.genomics.annotation import short_change
from icicore.genomics.consequences import classify_ontology
from icicore.genomics.mutations import read_mutations
from tests.genomics.files import csq, vcf_text, write

MISSENSE = csq("T", "missense_variant", "BRAF", protein="ENSP1:p.Val600Glu")
FORMAT = "GT:AD 0/0:50,0 0/1:30,10"


def record(info, *, pos=100, ref="A", alt="T", flt="PASS", form=FORMAT):
    return f"chr1 {pos} . {ref} {alt} . {flt} {info} {form}"


def read(tmp_path, *records, name="m.vcf", case_id=None, sample_barcode=None, **kwargs):
    path = write(tmp_path / name, vcf_text(*records, **kwargs))
    return read_mutations(path, case_id=case_id, sample_barcode=sample_barcode)


@pytest.mark.parametrize("name", ["m.vcf", "m.vcf.gz", "wrongly_named.maf"])
def test_worked_record(tmp_path, name):
    calls = read(tmp_path, record(f"CSQ={MISSENSE}"), name=name)
    (mutation,) = calls.mutations
    assert (mutation.gene, mutation.consequence, mutation.protein_change) == ("BRAF", "Missense_Mutation", "p.V600E")
    assert (mutation.chrom, mutation.pos, mutation.vaf) == ("1", 100, 0.25)
    assert (calls.genome_build, calls.sample, calls.tmb) == ("GRCh38", "TUMOR", pytest.approx(1 / 30))


def test_only_passed_records_count(tmp_path):
    records = [record(f"CSQ={MISSENSE}", pos=i, flt=flt) for i, flt in enumerate(["PASS", ".", "LowQual", "a;b"], 1)]
    assert [mutation.pos for mutation in read(tmp_path, *records).mutations] == [1, 2]


def test_germline_alleles_and_reference_genotypes_do_not_count(tmp_path):
    germline = record(f"CSQ={MISSENSE}", pos=1, form="GT 0/1 0/1")
    absent = record(f"CSQ={MISSENSE}", pos=2, form="GT 0/0 0/0")
    varscan = record(f"SS=1;CSQ={MISSENSE}", pos=3)
    no_genotype = record(f"SOMATIC;CSQ={MISSENSE}", pos=4, form="DP 10 10")
    assert [m.pos for m in read(tmp_path, germline, absent, varscan, no_genotype).mutations] == [4]


def test_each_allele_has_its_own_annotation(tmp_path):
    both = f"{MISSENSE},{csq('G', 'synonymous_variant', 'BRAF')}"
    two = read(tmp_path, record(f"CSQ={both}", alt="T,G", form="GT 0/0 1/2"))
    assert [m.consequence for m in two.mutations] == ["Missense_Mutation"] and two.n_synonymous == 1
    second = read(tmp_path, record(f"CSQ={both}", alt="T,G", form="GT 0/0 0/2"))
    assert not second.mutations and {r.code for r in second.warnings} == {"synonymous_only"}


def test_vep_names_indels_without_the_shared_base(tmp_path):
    deletion = csq("-", "frameshift_variant", "TP53")
    insertion = csq("TT", "inframe_insertion", "KRAS")
    calls = read(tmp_path, record(f"CSQ={deletion},{insertion}", ref="AC", alt="A,ACTT", form="GT 0/0 1/2"))
    assert [(m.gene, m.consequence) for m in calls.mutations] == [("TP53", "Frame_Shift_Del")]
    calls = read(tmp_path, record(f"CSQ={deletion},{insertion}", ref="A", alt="ATT,C", form="GT 0/0 1/2"))
    assert [(m.gene, m.consequence) for m in calls.mutations] == [("KRAS", "In_Frame_Ins")]


def test_picked_then_canonical_then_most_severe_transcript_counts(tmp_path):
    severe = csq("T", "stop_gained", "A1")
    canonical = csq("T", "missense_variant", "B1", canonical="YES")
    picked = csq("T", "splice_region_variant&synonymous_variant", "C1", pick="1")
    outside = csq("T", "upstream_gene_variant", "D1")
    read_one = lambda *items: read(tmp_path, record("CSQ=" + ",".join(items)))  # noqa: E731
    assert [m.gene for m in read_one(outside, canonical, severe).mutations] == ["B1"]
    assert [m.gene for m in read_one(outside, canonical.replace("YES", ""), severe).mutations] == ["A1"]
    assert read_one(outside, canonical, severe, picked).n_synonymous == 1


def test_snpeff_annotation(tmp_path):
    ann = "T|stop_gained&splice_region_variant|HIGH|MLL2|ENSG1|transcript|ENST1|protein_coding|3/9|c.1G>T|p.Trp54*"
    (mutation,) = read(tmp_path, record(f"ANN={ann}"), kind="ANN").mutations
    assert (mutation.gene, mutation.consequence, mutation.protein_change) == ("KMT2D", "Nonsense_Mutation", "p.W54*")


@pytest.mark.parametrize(
    ("samples", "meta", "sample"),
    [
        (("NORMAL", "TUMOR"), "", "TUMOR"),
        (("P1_blood", "P1_met"), "", "P1_met"),
        (("A", "B"), "##tumor_sample=A\n", "A"),
        (("A", "B"), "##normal_sample=A\n", "B"),
    ],
)
def test_tumour_column_is_found(tmp_path, samples, meta, sample):
    calls = read(tmp_path, record(f"CSQ={MISSENSE}", form="GT 0/1 0/1"), samples=samples, meta=meta)
    assert calls.sample == sample


def test_tumour_that_is_unclear_or_anothers_is_asked_for(tmp_path):
    with pytest.raises(GenomicsError, match="holds 2 samples .'A', 'B'."):
        read(tmp_path, record(f"CSQ={MISSENSE}"), samples=("A", "B"))
    assert read(tmp_path, record(f"CSQ={MISSENSE}"), samples=("A", "B"), sample_barcode="B").genes == {"BRAF"}
    with pytest.raises(GenomicsError, match="other patient's barcode 'P10_tumor'"):
        read(tmp_path, record(f"CSQ={MISSENSE}"), samples=("P10_normal", "P10_tumor"), case_id="P1")


def test_file_without_samples_is_taken_whole(tmp_path):
    path = write(tmp_path / "m.vcf", vcf_text(f"1 5 . A T . PASS CSQ={MISSENSE}", samples=()))
    assert read_mutations(path, case_id="C1").genes == {"BRAF"}


def test_unannotated_files_are_refused(tmp_path):
    with pytest.raises(GenomicsError, match=r"m.vcf: the VCF is not annotated.*VEP .INFO/CSQ. or SnpEff"):
        read(tmp_path, record("DP=3"), kind="")
    with pytest.raises(GenomicsError, match="the header declares CSQ but no record carries it"):
        read(tmp_path, record("DP=3"))


def test_builds_come_from_the_header(tmp_path):
    with pytest.raises(GenomicsError, match="two genome builds"):
        read(tmp_path, meta="##reference=file:///ref/hg19.fa\n")
    with pytest.raises(GenomicsError, match="genome build is 'hg18'"):
        read(tmp_path, meta="##reference=hg18.fa\n")
    vep = '##VEP="v105" cache="x/105_GRCh38" assembly="GRCh38.p13"\n'
    assert read(tmp_path, meta=vep).genome_build == "GRCh38"


def test_header_without_records_is_wild_type_and_said(tmp_path):
    calls = read(tmp_path)
    assert calls.tmb == 0.0 and {r.code for r in calls.warnings} == {"no_mutations"}


def test_broken_text(tmp_path):
    with pytest.raises(GenomicsError, match="line 5 is broken .4 columns.; expected 11"):
        read(tmp_path, "chr1 100 . A")
    with pytest.raises(GenomicsError, match="does not begin with ##fileformat"):
        read_mutations(write(tmp_path / "a.vcf", "#CHROM\tPOS\n"))
    with pytest.raises(GenomicsError, match="line 2 is not the VCF column header"):
        read_mutations(write(tmp_path / "b.vcf", '##fileformat=VCFv4.2\nchr1\t100\n##INFO=<ID=CSQ,Format: A|B">\n'))


@pytest.mark.parametrize(
    ("terms", "change", "expected"),
    [
        ("missense_variant&splice_region_variant", 0, "Missense_Mutation"),
        ("splice_region_variant&synonymous_variant", 0, "Silent"),
        ("splice_donor_variant&intron_variant", 0, "Splice_Site"),
        ("frameshift_variant&stop_gained", -1, "Nonsense_Mutation"),
        ("frameshift_variant", -1, "Frame_Shift_Del"),
        ("frameshift_variant", 2, "Frame_Shift_Ins"),
        ("protein_altering_variant", -3, "In_Frame_Del"),
        ("intron_variant", 0, "Non_Coding"),
        ("start_lost", 0, "Translation_Start_Site"),
    ],
)
def test_most_severe_term_decides(terms, change, expected):
    assert classify_ontology(terms, length_change=change) == expected


def test_protein_changes_are_shortened():
    assert short_change("ENSP00000339992.3:p.Arg157Lys") == "p.R157K"
    assert short_change("ENSP1:p.Thr190%3D") == "p.T190="
    assert short_change("NP_1.1:p.Asn139GlnfsTer5") == "p.N139Qfs*5"
