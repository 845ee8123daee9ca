"""Gene-level constants of the virtual cohort: planted sets, drivers, resistance genes, passenger genes.

Everything here is a property of the simulated world, not of one cohort: two cohorts with different seeds share it,
so a model trained on one can be tested on another. Frequencies are rounded from public melanoma and NSCLC cohorts.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from icicore.types import F64

IFNG_GENES = (
    "IFNG", "CXCL10", "CXCL11", "STAT1", "IDO1", "GZMA", "GZMB", "PRF1", "CD8A", "GBP1", "CCL5", "IRF1",
)  # fmt: skip
"""Expression genes that carry the interferon-gamma factor."""
ANTIGEN_GENES = (
    "HLA-A", "HLA-B", "HLA-C", "B2M", "TAP1", "TAP2", "TAPBP", "PSMB8", "PSMB9", "PSMB10", "NLRC5",
)  # fmt: skip
"""Expression genes that carry the antigen-presentation factor."""
LIGAND_GENE, CHEMOKINE_GENE = "CD274", "CXCL9"
"""Expression genes with a factor (and an effect on response) of their own."""
INFLAMED_GENES = (
    "CD2", "CD3D", "CD3E", "CD3G", "CD8B", "CD27", "CD38", "CD69", "CD96", "CD247", "CCL4", "CCR5", "CXCL13", "CXCR3",
    "CXCR6", "EOMES", "FASLG", "GBP2", "GBP4", "GBP5", "GNLY", "GZMH", "GZMK", "HLA-DRA", "HLA-DPA1", "HLA-DQA1",
    "ICOS", "IL2RB", "IRF8", "ITK", "KLRD1", "KLRK1", "LAG3", "LCK", "NKG7", "PDCD1", "PDCD1LG2", "SLAMF7", "STAT4",
    "TBX21", "TIGIT", "TNFRSF9", "UBD", "WARS1", "ZAP70",
)  # fmt: skip
"""Expression genes that follow interferon-gamma loosely, and the number of leukocytes as much."""
PROCESSING_GENES = (
    "HLA-E", "HLA-F", "HLA-G", "CALR", "CANX", "CIITA", "ERAP1", "ERAP2", "IRF2", "PDIA3", "PSMA4", "PSMB4", "PSME1",
    "PSME2", "RFX5", "RFXAP", "SEC61A1", "TAP2",
)  # fmt: skip
"""Expression genes that follow antigen presentation loosely."""

LEUKOCYTE_GENES = (
    "CD4", "CD5", "CD6", "CD7", "CD19", "CD28", "CD40", "CD48", "CD52", "CD79A", "CD79B", "CD80", "CD86", "CD163",
    "CCL2", "CCL3", "CCL19", "CCL21", "CCR2", "CCR7", "CSF1R", "CTLA4", "CXCR4", "CXCR5", "FOXP3", "HAVCR2", "HLA-DRB1",
    "HLA-DPB1", "HLA-DMA", "IL2RA", "IL2RG", "IL7R", "IL10", "IL10RA", "ITGAL", "JAK3", "KLRB1", "LCP2", "LTB", "LYZ",
    "MS4A1", "PTPRC", "SELL", "TNFRSF18", "TRAC", "TRBC1", "XCL1",
)  # fmt: skip
"""Expression genes of immune cells at large: dominated by how many leukocytes there are, helpful or not."""
PROLIFERATION_GENES = (
    "MKI67", "TOP2A", "CCNB1", "CCNB2", "CCNA2", "CCNE1", "CDK1", "AURKA", "AURKB", "BUB1", "BUB1B", "BIRC5", "MCM2",
    "MCM3", "MCM4", "MCM5", "MCM6", "MCM7", "PCNA", "PLK1", "RRM2", "TYMS", "UBE2C", "FOXM1", "E2F1", "KIF11", "TPX2",
    "CENPA", "CENPF", "CDC20", "CDC6", "TTK", "NDC80", "TK1",
)  # fmt: skip
STROMA_GENES = (
    "COL1A1", "COL1A2", "COL3A1", "COL4A1", "COL5A1", "COL6A1", "COL6A3", "COL11A1", "FAP", "ACTA2", "ACTG2", "TAGLN",
    "FN1", "POSTN", "THBS1", "THBS2", "SPARC", "LUM", "DCN", "VIM", "PDGFRA", "PDGFRB", "TGFB1", "TGFB2", "TGFB3",
    "TGFBI", "LOX", "LOXL2", "MMP2", "MMP11", "MMP14", "SERPINE1", "CTGF", "CCN2", "TWIST1", "ZEB1", "SNAI2", "ADAM12",
)  # fmt: skip
MELANOCYTE_GENES = ("MLANA", "PMEL", "TYR", "TYRP1", "DCT", "MITF", "SOX10", "S100B", "S100A1", "PAX3", "GPR143")
LUNG_GENES = (
    "NKX2-1", "SFTPA1", "SFTPB", "SFTPC", "NAPSA", "KRT5", "KRT7", "KRT6A", "KRT18", "KRT19", "TP63", "SOX2", "EPCAM",
    "MUC1", "CDH1", "KRT8", "KRT17", "DSG3", "SCGB1A1",
)  # fmt: skip
FEMALE_GENES, MALE_GENES = ("XIST", "TSIX"), ("RPS4Y1", "DDX3Y", "KDM5D", "UTY", "EIF1AY")

RESISTANCE = {
    "B2M": (0.07, 0.07, 0.07),
    "JAK1": (0.07, 0.06, 0.05),
    "JAK2": (0.06, 0.06, 0.05),
    "PTEN": (0.14, 0.08, 0.06),
    "STK11": (0.01, 0.22, 0.10),
    "KEAP1": (0.01, 0.22, 0.09),
}
"""Loss-of-function frequency in melanoma, NSCLC of smokers, NSCLC of never-smokers."""

DRIVERS = {
    "BRAF": (0.45, 0.04, 0.02),
    "NRAS": (0.26, 0.01, 0.01),
    "NF1": (0.14, 0.09, 0.04),
    "KRAS": (0.02, 0.34, 0.08),
    "EGFR": (0.01, 0.08, 0.42),
    "TP53": (0.15, 0.58, 0.38),
    "CDKN2A": (0.17, 0.11, 0.06),
    "ARID2": (0.10, 0.03, 0.02),
    "RAC1": (0.06, 0.0, 0.0),
    "PPP6C": (0.07, 0.0, 0.0),
    "MAP2K1": (0.05, 0.01, 0.01),
    "KIT": (0.04, 0.01, 0.01),
    "IDH1": (0.05, 0.01, 0.01),
    "RBM10": (0.01, 0.07, 0.08),
    "SMARCA4": (0.02, 0.09, 0.03),
    "RB1": (0.02, 0.06, 0.06),
    "PIK3CA": (0.02, 0.08, 0.05),
    "ATM": (0.03, 0.06, 0.03),
    "MET": (0.01, 0.03, 0.04),
    "ERBB2": (0.01, 0.02, 0.05),
    "SETD2": (0.02, 0.05, 0.06),
    "U2AF1": (0.0, 0.03, 0.02),
}
"""Driver frequency in the same three groups; none of them changes the chance of response."""

EXCLUSIVE = (("BRAF", "NRAS"), ("KRAS", "EGFR"))
"""Pairs that do not occur together: the second is dropped where the first is present."""


@dataclass(frozen=True)
class Hotspot:
    """A recurrent driver variant: GRCh38 plus-strand coordinate and alleles, share among the gene's events."""

    gene: str
    share: float
    chrom: str
    position: int
    ref: str
    alt: str
    consequence: str
    protein: str


HOTSPOTS = (
    Hotspot("BRAF", 0.80, "chr7", 140753336, "A", "T", "Missense_Mutation", "p.V600E"),
    Hotspot("BRAF", 0.20, "chr7", 140753336, "AC", "TT", "Missense_Mutation", "p.V600K"),
    Hotspot("NRAS", 0.55, "chr1", 114713908, "T", "C", "Missense_Mutation", "p.Q61R"),
    Hotspot("NRAS", 0.45, "chr1", 114713909, "G", "T", "Missense_Mutation", "p.Q61K"),
    Hotspot("KRAS", 0.50, "chr12", 25245351, "C", "A", "Missense_Mutation", "p.G12C"),
    Hotspot("KRAS", 0.25, "chr12", 25245350, "C", "A", "Missense_Mutation", "p.G12V"),
    Hotspot("KRAS", 0.25, "chr12", 25245350, "C", "T", "Missense_Mutation", "p.G12D"),
    Hotspot("EGFR", 0.50, "chr7", 55191822, "T", "G", "Missense_Mutation", "p.L858R"),
    Hotspot("EGFR", 0.50, "chr7", 55174772, "GGAATTAAGAGAAGC", "-", "In_Frame_Del", "p.E746_A750del"),
    Hotspot("TP53", 0.30, "chr17", 7675088, "C", "T", "Missense_Mutation", "p.R175H"),
    Hotspot("TP53", 0.35, "chr17", 7674220, "C", "T", "Missense_Mutation", "p.R248Q"),
    Hotspot("TP53", 0.35, "chr17", 7673802, "C", "T", "Missense_Mutation", "p.R273H"),
    Hotspot("RAC1", 1.00, "chr7", 6387261, "C", "T", "Missense_Mutation", "p.P29S"),
    Hotspot("IDH1", 1.00, "chr2", 208248389, "G", "A", "Missense_Mutation", "p.R132C"),
)

LOCI = {
    "B2M": ("chr15", 44711500), "JAK1": ("chr1", 64833300), "JAK2": ("chr9", 4984500), "PTEN": ("chr10", 87862700),
    "STK11": ("chr19", 1205800), "KEAP1": ("chr19", 10486200), "NF1": ("chr17", 31094900), "CDKN2A": ("chr9", 21967800),
    "TTN": ("chr2", 178525989), "MUC16": ("chr19", 8848844),
}  # fmt: skip
"""Start of some genes (GRCh38). Other genes get a fixed made-up locus: passenger coordinates carry no information."""

CODING_KB = {
    "TTN": 108.0, "MUC16": 43.5, "OBSCN": 26.8, "SYNE1": 26.4, "NEB": 25.7, "RYR1": 15.1, "RYR2": 14.9, "RYR3": 14.6,
    "CSMD1": 10.7, "CSMD3": 11.1, "LRP1B": 13.8, "USH2A": 15.6, "PCLO": 15.4, "DNAH5": 13.9, "XIRP2": 10.6,
    "FLG": 12.2, "ZFHX4": 10.8, "MUC4": 16.2, "HMCN1": 16.9, "FAT1": 13.8, "FAT2": 13.0, "FAT3": 13.7, "FAT4": 14.9,
    "KMT2D": 16.6, "KMT2C": 14.7, "KMT2A": 11.9, "ATM": 9.2, "BRCA2": 10.3, "NF1": 8.5, "SPEN": 11.0, "PTPRT": 4.3,
    "ARID1A": 6.9, "GRIN2A": 4.4, "EP300": 7.2, "CREBBP": 7.3, "NOTCH1": 7.7, "NOTCH2": 7.4, "TP53": 1.2, "KRAS": 0.6,
    "NRAS": 0.6, "BRAF": 2.3, "B2M": 0.36, "JAK1": 3.5, "JAK2": 3.4, "PTEN": 1.2, "STK11": 1.3, "KEAP1": 1.9,
    "EGFR": 3.6, "CDKN2A": 0.5, "ROS1": 7.0, "ALK": 4.9, "ANKRD11": 8.0, "PREX2": 4.8, "ERBB4": 3.9, "EPHA3": 2.9,
}  # fmt: skip
"""Coding length in kb of genes whose length matters; the others get a fixed draw around 1.6 kb."""

_FAMILIES = (
    "ABCA:1-10,12,13 ABCB:1,4-11 ABCC:1-6,8-12 ADAM:2,7-12,15,17-23,28-30,32,33 ADAMTS:1-10,12-20 "
    "ANKRD:1,2,6,7,9-12,17,24 ATP:1A1,1A2,1A3,2A1,2A2,2B1,2B2,2B3,8A1,8A2,8B1,8B2,10A,10B,10D,11A,11B "
    "CACNA1:A,B,C,D,E,F,G,H,I CDH:2-13,15-20,22-24 CNTN:1-6 CNTNAP:1-5 COL4A:1-6 COL5A:1-3 COL6A:1-3,5,6 "
    "COL11A:1,2 COL12A:1 COL14A:1 COL22A:1 CUBN: DCHS:1,2 DNAH:1-3,5-12,14,17 DOCK:1-11 DSCAM: DST: DYNC1H:1 "
    "FBN:1-3 FRAS:1 FREM:1-3 GPR:158 GRIA:1-4 GRIK:1-5 GRM:1-8 HERC:1-6 HYDIN: ITPR:1-3 KCNA:1-7,10 "
    "KCNB:1,2 KCNC:1-4 KCNH:1-8 KCNQ:1-5 KIF:1A,1B,1C,2A,3A,3B,4A,5A,5B,5C KRT:1-5,7-10,12-20,23-28,31,32,34-40,71-86 "
    "LRP:1,2,4-6 LRRC:4,7,8A,8C,15,37A MACF:1 MUC:2,5B,6,12,17,19 MYH:1-4,6-11,13-15 "
    "MYO:1A,1B,1C,1E,3A,3B,5A,5B,5C,6,7A,7B,9A,9B,10,15A,16,18A,18B NBEA: NLRP:1-14 NRXN:1-3 OR1A:1,2 "
    "OR2A:4,5,12,14 OR2T:1-8,10-12,33-35 OR4C:3,5,6,11-13,15,16 OR5D:13,14,16,18 OR8H:1-3 PCDHA:1-13 PCDHB:1-16 "
    "PCDHGA:1-12 PCDHGB:1-7 PCDH:1,7-10,12,15,17-20 PCNX:1-4 PIEZO:1,2 PKHD1:L1 PLXNA:1-4 PLXNB:1-3 "
    "PTPR:A,B,C,E,F,G,H,J,K,M,N,O,Q,R,U,Z1 RELN: RP1:L1 SACS: SCN:1A,2A,3A,4A,5A,7A,8A,9A,10A,11A SDK:1,2 SI: "
    "SLC1A:1-7 SLC2A:1-14 SLC4A:1-5,7-11 SLC5A:1-12 SLC6A:1-9,11-20 SLC7A:1-11 SLC9A:1-9 SLC12A:1-9 SLC22A:1-18 "
    "SLC25A:1-6,10-48 SLC26A:1-9,11 SLIT:1-3 SPTA:1 SPTB: SPTBN:1,2,4,5 STAB:1,2 SVEP:1 SYNE:2,3 TENM:1-4 TEX:15 "
    "TG: THSD:1,4,7A,7B TRIM:2-11,13-17,21-29,31-42,44-52,54-56,58-69,71 TRPA:1 TRPC:1,3-7 TRPM:1-8 TRPV:1-6 "
    "UNC13:A,B,C UNC:5A,5B,5C,5D,79,80 USP:1-8,10-16,18-22,24-26,28-40,42-51,53,54 VPS13:A,B,C,D VWF: "
    "WDR:1,3,6,7,11,17,19,26,33,35,36,44,47,48,62,64,72,81,87,90 XDH: ZAN: "
    "ZNF:2,3,7,8,10,12,14,16-20,22-25,28,30,32,34,35,41,43-45,69-71,74,76,77,80,81,83-85,91-93,98-101,106,107,112,114,117,121"
)


def _expand(families: str) -> tuple[str, ...]:
    """Symbols of a family table: ``STEM:1-3,5A`` is STEM1, STEM2, STEM3, STEM5A; ``STEM:`` is STEM."""
    symbols: list[str] = []
    for entry in families.split():
        stem, _, members = entry.partition(":")
        for member in members.split(","):
            span = re.fullmatch(r"(\d+)-(\d+)", member)
            numbers = range(int(span[1]), int(span[2]) + 1) if span else None
            symbols += [f"{stem}{k}" for k in numbers] if numbers else [f"{stem}{member}"]
    return tuple(symbols)


@cache
def passenger_genes() -> tuple[str, ...]:
    """Genes outside any panel that collect the remaining mutations of an exome."""
    return tuple(dict.fromkeys([*CODING_KB, *_expand(_FAMILIES)]))


def gene_rng(gene: str, topic: str) -> np.random.Generator:
    """Give random numbers that are a fixed property of a gene: the same in every cohort and process."""
    digest = hashlib.sha256(f"{topic}:{gene}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def coding_kb(genes: Sequence[str]) -> F64:
    """Coding length of each gene in kb, (n,): from the table, otherwise a fixed log-normal draw around 1.6 kb."""
    return np.array([CODING_KB.get(g) or float(np.exp(gene_rng(g, "length").normal(0.5, 0.6))) for g in genes])


def locus(gene: str) -> tuple[str, int]:
    """Chromosome and start (GRCh38 for some genes, made up and fixed for the others)."""
    if gene in LOCI:
        return LOCI[gene]
    hotspot = next((h for h in HOTSPOTS if h.gene == gene), None)
    if hotspot is not None:
        return hotspot.chrom, hotspot.position
    rng = gene_rng(gene, "locus")
    return f"chr{rng.integers(1, 23)}", int(rng.integers(1_000_000, 46_000_000))
