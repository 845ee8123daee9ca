"""Names of what pages and reports both show."""

from collections.abc import Mapping

MODALITY_NAMES: Mapping[str, str] = {"histology": "Histology", "genomics": "Genomics", "clinical": "Clinical"}
TUMOUR_NAMES: Mapping[str, str] = {"melanoma": "Melanoma", "nsclc": "NSCLC"}
