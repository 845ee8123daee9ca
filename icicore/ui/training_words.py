"""Numbers and names of the training page as text."""

from collections.abc import Mapping

from icicore.ui.text import DASH, THIN

MODELS: Mapping[str, str] = {
    "multimodal": "Multimodal",
    "image": "Slide",
    "genomic": "Genes",
    "clinical": "Clinical",
    "concat": "Concatenation",
    "mean": "Mean",
}
MODEL_HELP = (
    "Multimodal: slide, genes and clinical values joined by attention (the reference). Slide, Genes, Clinical: one of "
    "them alone. Concatenation and Mean: the same inputs joined more plainly, for comparison."
)
STATES: Mapping[str, str] = {
    "queued": "Waiting",
    "running": "Running",
    "succeeded": "Finished",
    "failed": "Failed",
    "cancelled": "Stopped",
}
LOOKS: Mapping[str, tuple[str, str]] = {
    "queued": ("", "…"),
    "running": ("", "▸"),
    "succeeded": ("ok", "✓"),
    "failed": ("bad", "×"),
    "cancelled": ("line", "■"),
}
MODALITIES: Mapping[str, str] = {
    "histology": "Slides",
    "mutation": "Mutations",
    "expression": "Expression",
    "clinical": "Clinical values",
}


def duration(seconds: float | None) -> str:
    """A time span in the two largest units, for example ``1 h 20 min``."""
    if seconds is None:
        return DASH
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds}{THIN}s"
    if seconds < 3600:
        return f"{seconds // 60}{THIN}min" + (f" {seconds % 60}{THIN}s" if seconds < 600 else "")
    if seconds < 86400:
        return f"{seconds // 3600}{THIN}h {seconds % 3600 // 60}{THIN}min"
    return f"{seconds // 86400}{THIN}d {seconds % 86400 // 3600}{THIN}h"


def memory(mib: float | None) -> str:
    """Memory in GiB from one GiB on, else in MiB."""
    if mib is None:
        return DASH
    return f"{mib / 1024:.1f}{THIN}GiB" if mib >= 1024 else f"{mib:.0f}{THIN}MiB"


def device_name(key: str, names: Mapping[str, str]) -> str:
    """Name of a device with its key, as far as known."""
    return f"{names[key]} ({key})" if key in names and key != "cpu" else "CPU" if key == "cpu" else key


def member_name(member: str) -> str:
    """``multimodal-0`` as ``Multimodal, member 1``."""
    kind, _, number = member.rpartition("-")
    return f"{MODELS.get(kind, kind)}, member {int(number) + 1}" if number.isdigit() else member


def doing(message: str) -> str:
    """What a job says of itself; a member is named as everywhere on the page."""
    before, _, member = message.rpartition(" ")
    kind, _, number = member.rpartition("-")
    if before == "training" and kind in MODELS and number.isdigit():
        return f"Training: {member_name(member)}"
    return message[:1].upper() + message[1:]
