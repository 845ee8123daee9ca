"""Which drug a study's response belongs to: an immune checkpoint inhibitor, another drug, or nothing stated."""

import re
from enum import StrEnum


class Treatment(StrEnum):
    """What a treatment cell or a study's description names."""

    CHECKPOINT = "checkpoint inhibitor"
    OTHER = "another drug"
    UNSTATED = "not stated"


_CHECKPOINT_WORDS = (
    r"nivolumab|pembrolizumab|atezolizumab|durvalumab|avelumab|cemiplimab|ipilimumab|tremelimumab|toripalimab"
    r"|camrelizumab|sintilimab|tislelizumab|dostarlimab|retifanlimab|opdivo|keytruda|tecentriq|imfinzi|yervoy"
    r"|\bpd[\s\-_]?l?1\b|\bpd[\s\-_]?\(?l\)?[\s\-_]?1\b|\bctla[\s\-_]?4\b|checkpoint|\bici\b|\bicb\b|\bicis\b"
)
_CHECKPOINT = re.compile(_CHECKPOINT_WORDS, re.IGNORECASE)
_DENIED = re.compile(
    rf"\b(?:no|not|without|never)\s+(?:[\w\-]+\s+){{0,2}}(?:anti[\s\-]*)?(?:{_CHECKPOINT_WORDS})"
    rf"|(?:{_CHECKPOINT_WORDS})(?:\s+(?:inhibitor|therapy|blockade))?[\s\-]+na(?:i|\u00ef)ve",
    re.IGNORECASE,
)
"""What a text denies: "no anti-PD-1", "never received nivolumab", "anti-PD-1 naive"."""
_OTHER = re.compile(
    r"vemurafenib|dabrafenib|trametinib|cobimetinib|encorafenib|binimetinib|erlotinib|gefitinib|afatinib|osimertinib"
    r"|crizotinib|alectinib|imatinib|\b\w{3,}tinib\b|\b\w{3,}rafenib\b|sunitinib|everolimus|platin\b|pemetrexed"
    r"|docetaxel|paclitaxel|gemcitabine|dacarbazine|temozolomide|chemotherapy|\btki\b|target(?:ed)?[\s_]therapy"
    r"|\b(?:braf|mek|egfr|alk|her2|vegf|parp|cdk4/?6)[\s\-]?(?:inhibitor|blockade)|interleukin|\bil-?2\b|\bcar[\s\-]t\b"
    r"|tumou?r[\s\-]infiltrating lymphocyte transfer|other therapy|placebo|supportive care",
    re.IGNORECASE,
)


def treatment_named(cell: str) -> Treatment:
    """What a treatment cell or a description names; a checkpoint inhibitor counts before anything else named."""
    if _CHECKPOINT.search(_DENIED.sub(" ", cell)):
        return Treatment.CHECKPOINT
    return Treatment.OTHER if _OTHER.search(cell) else Treatment.UNSTATED
