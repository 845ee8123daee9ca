"""Tumour types as studies name them (cancer type, OncoTree code), to the names used here."""

import re
from collections.abc import Sequence

from icicore.domain import TumourType

_IN_SCOPE = {
    TumourType.NSCLC: r"non[\s\-_]?small|nsclc|\bluad\b|\blusc\b|lung (?:adeno|squamous)",
    TumourType.MELANOMA: r"melanoma|\bskcm\b|\bmel\b|\bacrm\b|\bmcm\b",
}
_UVEAL = r"uveal|\bum\b|ocular melanoma"
_NOTHING = frozenset({"", "mixed", "other", "na", "unknown"})
_OTHERS = {
    "urothelial": r"urothelial|bladder|\bblca\b|\butuc\b",
    "renal": r"renal|kidney|\bccrcc\b|\brcc\b|\bkirc\b",
    "sclc": r"(?<!non[\s\-_])small[\s\-_]cell lung|\bsclc\b",
    "gastric": r"gastric|stomach|\bstad\b",
    "colorectal": r"colorectal|colon|rectal|\bcrc\b|\bcoad\b|\bread\b|\bcoadread\b",
    "head and neck": r"head\s*(?:and|&)\s*neck|\bhnsc\b",
    "breast": r"breast|\bbrca\b",
    "hepatobiliary": r"hepato|liver|\bhcc\b|biliary|cholangio",
    "esophageal": r"o?esophag|\besca\b",
    "pancreatic": r"pancrea|\bpaad\b",
    "mesothelioma": r"mesothelioma|\bmeso\b",
    "endometrial": r"endometr|\bucec\b",
    "ovarian": r"ovar",
    "sarcoma": r"sarcoma",
    "glioma": r"gliom|gliobl|\bgbm\b",
}


def tumour_name(cells: Sequence[str], study: str = "") -> str:
    """``melanoma``, ``nsclc`` or another tumour; "" when nothing tells.

    ``cells`` are what the patient's own rows say; ``study``, the tumour type of the whole study, counts only where
    they say nothing, as studies often carry a wrong one. Uveal melanoma is a tumour of its own, out of scope:
    checkpoint inhibitors hardly work there.
    """
    own = [text for cell in cells if (text := " ".join(cell.lower().split())) not in _NOTHING]
    texts = own or [study.strip().lower()]
    for name, pattern in (("uveal melanoma", _UVEAL), *_IN_SCOPE.items(), *_OTHERS.items()):
        if any(re.search(pattern, text) for text in texts):
            return str(name)
    return texts[0][:40]
