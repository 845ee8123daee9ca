"""Reading a study folder: what is used, what is left out, what is refused, and that the truth stays closed."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from icicore.errors import InputError, StudyError
from icicore.genomics.panel import load_panel
from icicore.training import study as study_module
from tests.factories import make_bag

PATIENT_HEADER = "#a\n#b\n#c\n#d\nPATIENT_ID\tAGE\tSEX\tECOG\tLDH_ULN\tRESPONSE\tTUMOUR_TYPE\tSITE\n"
MAF_HEADER = "Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\tNCBI_Build\tChromosome\tStart_Position\n"

read_study = partial(study_module.read_study, fewest=1)  # the tiny studies here are below the least size


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five patients: one without label, one without slide, one without genes, one sequenced without mutation."""
    rng = np.random.default_rng(0)
    (tmp_path / "data_clinical_patient.txt").write_text(
        PATIENT_HEADER
        + "A\t63\tFemale\t1\t1.4\tPR\tmelanoma\ts1\nB\t\tMale\t\t\tPD\tnsclc\ts1\n"
        + "C\t50\tFemale\t0\t0.8\tNE\tnsclc\ts1\nD\t71\tMale\t2\t2.2\tSD\tmelanoma\ts2\n"
        + "E\t\t\t\t\tComplete Response\tmelanoma\ts2\n"
    )
    (tmp_path / "data_clinical_sample.txt").write_text("PATIENT_ID\tSAMPLE_ID\nA\tA-T1\nB\tB-T1\nD\tD-T1\nE\tE-T1\n")
    (tmp_path / "data_mutations.txt").write_text(
        MAF_HEADER
        + "BRAF\tMissense_Mutation\tA-T1\tGRCh38\t7\t140753336\nB2M\tNonsense_Mutation\tB-T1\tGRCh38\t15\t44711547\n"
    )
    (tmp_path / "case_lists").mkdir()
    (tmp_path / "case_lists/cases_sequenced.txt").write_text("case_list_ids: A-T1\tB-T1\tE-T1\n")
    genes = load_panel().expression_genes[:300]
    rows = [f"{g}\t{rng.gamma(2) * 9:.3f}\t{rng.gamma(2) * 9:.3f}" for g in genes]
    (tmp_path / "data_mrna_seq_tpm.txt").write_text("Hugo_Symbol\tA-T1\tB-T1\n" + "\n".join(rows) + "\n")
    (tmp_path / "slides.tsv").write_text(
        "patient\tpath\nA\tbags/A1.safetensors\nA\tbags/A2.safetensors\nD\tbags/D.safetensors\n"
    )
    (tmp_path / "meta_study.txt").write_text("name: x\ndescription: Virtual cohort of 5 simulated patients\n")
    for name, n in (("A1", 3), ("A2", 4), ("D", 2)):
        make_bag(rng, rng.normal(size=(n, 8))).save(tmp_path / f"bags/{name}.safetensors")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/truth.tsv").write_text("secret\n")
    return tmp_path


def test_a_study_is_read_as_it_is(folder):
    study = read_study(folder)
    panel = load_panel()
    braf, tmb, n_mut = panel.mutation_genes.index("BRAF"), len(panel.mutation_genes), len(panel.mutation_genes)
    assert study.patients == ("A", "B", "D", "E")
    assert study.responder.tolist() == [True, False, False, True]
    assert study.grades.tolist() == [2, 0, 1, 3]
    assert study.virtual
    assert study.offsets.tolist() == [0, 7, 7, 9, 9]
    assert study.tile_index.dtype == np.int32
    assert study.tile_index.tolist() == [[0, k] for n in (3, 4, 2) for k in range(n)]  # one bag after the other
    assert study.backbone == "fake"
    assert study.gene_values.shape == (4, panel.n_tokens)
    assert study.gene_values[0, braf] == 1
    assert study.gene_measured[1, braf]
    assert study.gene_values[1, braf] == 0
    assert not study.gene_measured[2].any()
    assert study.gene_measured[3, : n_mut + 1].all()  # sequenced, without mutation
    assert study.gene_values[3, tmb] == 0
    assert study.gene_measured[0, n_mut + 1 :].sum() == 300
    assert study.clinical[3] is None
    assert study.clinical[1].age is None


@pytest.fixture(scope="module")
def opened():
    """Paths that Python opens while the list is active; audit hooks cannot be removed, so it is switched off."""
    state = {"on": False, "paths": []}

    def hook(event: str, args: tuple[object, ...]) -> None:
        if state["on"] and event in ("open", "os.listdir", "os.scandir"):
            state["paths"].append(str(args[0]))

    sys.addaudithook(hook)
    return state


def test_nothing_below_truth_is_opened(folder, opened):
    opened["paths"].clear()
    opened["on"] = True
    try:
        read_study(folder)
    finally:
        opened["on"] = False
    names = [p for p in opened["paths"] if str(folder) in p]
    assert any("data_mutations.txt" in p for p in names)
    assert not any("truth" in p.removeprefix(str(folder)) for p in names)


@pytest.mark.parametrize(
    "path", ["truth/bag.safetensors", "Truth/x/bag.safetensors", "bags/../truth/b.safetensors", "link/b.safetensors"]
)
def test_a_slide_below_truth_is_refused(folder, path):
    (folder / "link").symlink_to(folder / "truth")
    (folder / "slides.tsv").write_text(f"patient\tpath\nA\t{path}\n")
    with pytest.raises(StudyError, match="planted truth"):
        read_study(folder)


def test_a_slide_is_embedded_by_the_caller(folder):
    (folder / "slide.tiff").write_bytes(b"pixels")
    (folder / "slides.tsv").write_text("patient\tpath\nA\tslide.tiff\n")
    with pytest.raises(StudyError, match="not embedded"):
        read_study(folder)
    asked = []

    def embed(path: Path):
        asked.append(path.name)
        return make_bag(np.random.default_rng(0), np.ones((2, 8)))

    assert read_study(folder, embed=embed).offsets.tolist() == [0, 2, 2, 2, 2]
    assert asked == ["slide.tiff"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_clinical_patient.txt", None, "is missing"),
        ("data_clinical_patient.txt", "PATIENT_ID\tRESPONSE\nA\tPR\n", "lacks the column TUMOUR_TYPE"),
        ("data_clinical_patient.txt", PATIENT_HEADER + "A\t6,3\tF\t1\t1\tPR\tnsclc\ts\n", "decimal comma"),
        ("data_clinical_patient.txt", PATIENT_HEADER + "A\t63\tF\t1\t1\tmaybe\tnsclc\ts\n", "maybe"),
        ("data_clinical_patient.txt", PATIENT_HEADER + "A\t63\tF\t1\t1\tPR\tbreast\ts\n", "tumour type 'breast'"),
        ("data_clinical_patient.txt", PATIENT_HEADER + "A\t63\tF\t1\t1\tNE\tnsclc\ts\n", "no patient has a response"),
        (
            "data_clinical_patient.txt",
            PATIENT_HEADER + "A\t\t\t\t\tPR\tnsclc\t\nA\t\t\t\t\tSD\tnsclc\t\n",
            "patient A is listed twice with different RESPONSE",
        ),
        ("slides.tsv", "patient\tpath\nA\tbags/none.safetensors\n", "missing"),
        ("slides.tsv", "patient\tfile\nA\tx\n", "lacks the column path"),
        ("bags/A1.safetensors", "garbage", "not a readable bag"),
    ],
)
def test_a_bad_study_is_refused_in_one_line(folder, name, content, message):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_study(folder)
    assert "\n" not in str(caught.value)


def test_bags_of_two_encoders_are_refused(folder):
    rng = np.random.default_rng(1)
    make_bag(rng, rng.normal(size=(2, 8)), encoder_id="other@0123456789ab").save(folder / "bags/D.safetensors")
    with pytest.raises(StudyError, match="bags of 2 encoders"):
        read_study(folder)
