"""What a mutation does to the protein, in the words of MAF files, Sequence Ontology (VEP, SnpEff) and ANNOVAR."""

NON_SYNONYMOUS = frozenset(
    {
        "Missense_Mutation",
        "Nonsense_Mutation",
        "Nonstop_Mutation",
        "Frame_Shift_Del",
        "Frame_Shift_Ins",
        "In_Frame_Del",
        "In_Frame_Ins",
        "Splice_Site",
        "Translation_Start_Site",
    }
)
"""Variant classifications that change the protein; all others are silent or outside the coding sequence."""

SILENT = "Silent"
NON_CODING = "Non_Coding"

_MAF_SYNONYMS = {
    "start_codon_del": "Translation_Start_Site",
    "start_codon_ins": "Translation_Start_Site",
    "start_codon_snp": "Translation_Start_Site",
    "stop_codon_del": "Nonstop_Mutation",
    "stop_codon_ins": "Nonsense_Mutation",
    "readthrough": "Nonstop_Mutation",
    "missense": "Missense_Mutation",
    "nonsense": "Nonsense_Mutation",
    "splice": "Splice_Site",
    "splice_site_snp": "Splice_Site",
    "splice_site_del": "Splice_Site",
    "splice_site_ins": "Splice_Site",
    "synonymous": SILENT,
    "synonymous_mutation": SILENT,
    # ANNOVAR
    "nonsynonymous": "Missense_Mutation",
    "nonsynonymous snv": "Missense_Mutation",
    "stopgain": "Nonsense_Mutation",
    "stoploss": "Nonstop_Mutation",
    "startloss": "Translation_Start_Site",
    "splicing": "Splice_Site",
    "exonic;splicing": "Splice_Site",
    "frameshift deletion": "Frame_Shift_Del",
    "frameshift insertion": "Frame_Shift_Ins",
    "nonframeshift deletion": "In_Frame_Del",
    "nonframeshift insertion": "In_Frame_Ins",
    "synonymous snv": SILENT,
}
_MAF_NON_CODING = frozenset(
    {
        *(
            "intron",
            "3'utr",
            "5'utr",
            "3'flank",
            "5'flank",
            "igr",
            "rna",
            "lincrna",
            "splice_region",
            "targeted_region",
        ),
        *("de_novo_start_inframe", "de_novo_start_outofframe", "intronic", "intergenic", "upstream", "downstream"),
        *("utr3", "utr5", "ncrna_exonic", "ncrna_intronic", "non-coding_transcript", "regulatory_region_variant"),
        *("unknown", "amplification", "fusion"),
    }
)

# Most severe first. "indel" and "inframe" become insertion or deletion by the length of the alleles.
_ONTOLOGY: tuple[tuple[str, str], ...] = (
    ("transcript_ablation", "Splice_Site"),
    ("exon_loss_variant", "Splice_Site"),
    ("splice_acceptor_variant", "Splice_Site"),
    ("splice_donor_variant", "Splice_Site"),
    ("stop_gained", "Nonsense_Mutation"),
    ("frameshift_variant", "indel"),
    ("stop_lost", "Nonstop_Mutation"),
    ("start_lost", "Translation_Start_Site"),
    ("initiator_codon_variant", "Translation_Start_Site"),
    ("disruptive_inframe_insertion", "In_Frame_Ins"),
    ("disruptive_inframe_deletion", "In_Frame_Del"),
    ("conservative_inframe_insertion", "In_Frame_Ins"),
    ("conservative_inframe_deletion", "In_Frame_Del"),
    ("inframe_insertion", "In_Frame_Ins"),
    ("inframe_deletion", "In_Frame_Del"),
    ("missense_variant", "Missense_Mutation"),
    ("rare_amino_acid_variant", "Missense_Mutation"),
    ("protein_altering_variant", "inframe"),
    ("synonymous_variant", SILENT),
    ("stop_retained_variant", SILENT),
    ("start_retained_variant", SILENT),
    ("start_retained", SILENT),
)
_RANK = {term: rank for rank, (term, _) in enumerate(_ONTOLOGY)}
_CLASS = dict(_ONTOLOGY)
LEAST_SEVERE = len(_ONTOLOGY)


def classify_maf(word: str) -> str | None:
    """Variant classification of one MAF cell in standard spelling; None when the word is not known."""
    text = word.strip().strip('"')
    lower = text.lower()
    if lower in _STANDARD:
        return _STANDARD[lower]
    spaced = lower.replace("-", " ")
    if lower in _MAF_SYNONYMS or spaced in _MAF_SYNONYMS:
        return _MAF_SYNONYMS.get(lower) or _MAF_SYNONYMS[spaced]
    if lower in _MAF_NON_CODING:
        return NON_CODING
    if "_variant" in lower or "&" in lower:
        return classify_ontology(lower, length_change=-1 if "deletion" in lower else 1)
    return None


def severity(terms: str) -> int:
    """Rank of the most severe of the terms joined by "&"; 0 is most severe, ``LEAST_SEVERE`` not coding."""
    return min((_RANK.get(term.strip().lower(), LEAST_SEVERE) for term in terms.split("&")), default=LEAST_SEVERE)


def classify_ontology(terms: str, *, length_change: int) -> str:
    """Variant classification of Sequence Ontology terms joined by "&".

    ``length_change`` is the length of the alternate allele minus that of the reference, in bases.
    """
    rank = severity(terms)
    if rank == LEAST_SEVERE:
        return NON_CODING
    name = _CLASS[_ONTOLOGY[rank][0]]
    end = "Del" if length_change < 0 else "Ins"
    if name == "inframe" and length_change == 0:
        return "Missense_Mutation"
    return {"indel": f"Frame_Shift_{end}", "inframe": f"In_Frame_{end}"}.get(name, name)


_STANDARD = {name.lower(): name for name in (*NON_SYNONYMOUS, SILENT)}
