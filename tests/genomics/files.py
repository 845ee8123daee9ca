"""Made-up mutation and expression files, sound by default; tests break one thing at a time."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from icicore.genomics.panel import load_panel

MAF_COLUMNS = (
    "Hugo_Symbol",
    "NCBI_Build",
    "Chromosome",
    "Start_Position",
    "Variant_Classification",
    "Reference_Allele",
    "Tumor_Seq_Allele2",
    "Tumor_Sample_Barcode",
    "HGVSp_Short",
    "t_ref_count",
    "t_alt_count",
)
_BRAF = ("BRAF", "GRCh37", "7", "140453136", "Missense_Mutation", "A", "T", "C1_T", "p.V600E", "30", "10")
_DEFAULTS = dict(zip(MAF_COLUMNS, _BRAF, strict=True))


def maf_text(*rows: Mapping[str, str], columns: Sequence[str] = MAF_COLUMNS, comments: str = "") -> str:
    """MAF text; each row states only what differs from BRAF V600E of sample C1_T."""
    lines = ["\t".join(columns)]
    lines += ["\t".join({**_DEFAULTS, **row}.get(column, "") for column in columns) for row in rows]
    return comments + "\n".join(lines) + "\n"


def write(path: Path, text: str) -> Path:
    """Write text, gzip where the name says so."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


CSQ = "Allele|Consequence|IMPACT|SYMBOL|Gene|Feature|BIOTYPE|HGVSp|PICK|CANONICAL"
ANN = (
    "Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID | "
    "Transcript_BioType | Rank | HGVS.c | HGVS.p"
)


def vcf_text(*records: str, kind: str = "CSQ", samples: Sequence[str] = ("NORMAL", "TUMOR"), meta: str = "") -> str:
    """VCF text with an annotation header; records are whole lines with blanks for tabs."""
    declared = {
        "CSQ": f'CSQ,Number=.,Type=String,Description="Consequence annotations from Ensembl VEP. Format: {CSQ}"',
        "ANN": f"ANN,Number=.,Type=String,Description=\"Functional annotations: '{ANN}' \"",
    }
    info = f"##INFO=<ID={declared[kind]}>\n" if kind else ""
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    header = "\t".join(fixed + (["FORMAT", *samples] if samples else []))
    body = "".join("\t".join(record.split()) + "\n" for record in records)
    return f"##fileformat=VCFv4.2\n##contig=<ID=1,length=248956422>\n{meta}{info}{header}\n{body}"


def csq(allele: str, terms: str, gene: str, *, protein: str = "", pick: str = "", canonical: str = "") -> str:
    return f"{allele}|{terms}|X|{gene}|ENSG0|ENST0|protein_coding|{protein}|{pick}|{canonical}"


def expression_values(*, seed: int = 0, n_genes: int = 1000) -> dict[str, float]:
    """Plausible TPM of the first panel genes."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(2.0, 2.0, n_genes)
    return {gene: float(value) for gene, value in zip(load_panel().expression_genes, values, strict=False)}


def expression_text(values: Mapping[str, object], *, unit: str = "tpm") -> str:
    return f"gene\t{unit}\n" + "".join(f"{gene}\t{value}\n" for gene, value in values.items())
