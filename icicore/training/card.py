"""The card of a bundle: what it was trained on, for what, how well, and not for what."""

from icicore.domain import HISTOLOGY, RESEARCH_USE, modalities_read
from icicore.models.spec import BundleSpec
from icicore.models.tile_classes import load_tile_head
from icicore.types import Json

_SHOWN = ("auc_roc", "auc_pr", "accuracy", "f1", "sensitivity", "specificity", "brier", "ece")


def write_card(spec: BundleSpec) -> str:
    """Text of card.md."""
    cohort, n = spec.cohort, spec.cohort["n"]
    types = ", ".join(f"{count} {name}" for name, count in cohort["tumour_types"].items())
    lines = [
        f"# {spec.name}",
        "",
        f"**{RESEARCH_USE}.**" + (" **Trained on virtual data: it knows no real patient.**" if spec.virtual else ""),
        "",
        "## For what",
        "",
        "Probability of objective response (RECIST 1.1 CR or PR) to anti-PD-1/PD-L1 in melanoma and NSCLC, from H&E "
        "slides, somatic mutations, expression and four clinical values; any of them may be absent.",
        "",
        "## Trained on",
        "",
        f"{_studies(cohort)}{' (virtual, simulated patients)' if spec.virtual else ''}: "
        f"{n['train']} patients for training, {n['val']} for validation, {n['test']} held out for the test; {types}; "
        f"{100 * cohort['prevalence']:.0f} % responders in training." + _grades(spec),
        "",
        f"Model `{spec.model.kind}`, {_members(spec)}; "
        f"tile encoder `{spec.backbone or 'none'}`; gene panel `{spec.panel}` ({len(spec.tokens)} tokens)."
        + _told(spec),
        "",
        "## How well",
        "",
        f"Held-out test patients, 95 % interval of {spec.metrics['bootstrap']} bootstrap resamples. Calibration and "
        f"threshold ({spec.threshold:.3f}, sensitivity first) were fixed on {_calibrated_on(spec)}.",
        "",
        *_table(spec.metrics["models"]),
        "",
        "## Not for what",
        "",
        "Not for a decision about a patient's treatment. Not for other tumours, drugs, stains or specimens. "
        + (
            "Never for real patients: its figures say how well the method finds what was planted, nothing else."
            if spec.virtual
            else "Not validated outside the study named above."
        ),
        "",
    ]
    return "\n".join(lines)


def _studies(cohort: Json) -> str:
    pooled = cohort.get("studies", ())
    return f"Studies {', '.join(f'`{name}`' for name in pooled)} as one" if pooled else f"Study `{cohort['study']}`"


def _grades(spec: BundleSpec) -> str:
    """Whether the loss knew more of a response than the label."""
    graded = spec.cohort.get("graded", 0)
    if not graded or not spec.training.get("grade_loss"):
        return ""
    return f" Of {graded} training patients the loss also knew the grade of the response, from progression to complete."


def _members(spec: BundleSpec) -> str:
    if spec.members == 1:
        return "one member on all training patients"
    parts = "cross-validation folds" if spec.training.get("folds") else "bootstrap resamples"
    return f"{spec.members} members on {parts} of the training patients"


def _told(spec: BundleSpec) -> str:
    """A reader of heatmap and weights must know what attention and fusion were told."""
    modalities, strength = modalities_read(spec.model.kind), spec.training.get("attention_guide")
    if HISTOLOGY not in modalities or load_tile_head(f"{spec.backbone}@{spec.backbone_digest}") is None:
        return ""
    text = ""
    if strength:
        text += (
            " Tile attention was guided towards tissue in which the tile-class head sees lymphocytes (strength "
            f"{strength:g}): that it rises there was asked for, not discovered."
        )
    if spec.model.weigh_readable and len(modalities) > 1:
        text += (
            " Histology counts as present to the share of tiles in which this head sees neither necrosis nor "
            "artefact: that its weight falls on poor tissue is built in."
        )
    return text


def _calibrated_on(spec: BundleSpec) -> str:
    if spec.members == 1 or spec.training.get("calibrate_on") == "validation":
        return "validation patients"
    return "validation patients and, for each member, the training patients that it left out"


def _table(models: Json) -> list[str]:
    head = "| model | " + " | ".join(_SHOWN) + " |"
    rule = "|---" * (len(_SHOWN) + 1) + "|"
    return [
        head,
        rule,
        *(f"| {name} | " + " | ".join(_cell(m[k]) for k in _SHOWN) + " |" for name, m in models.items()),
    ]


def _cell(estimate: Json) -> str:
    if estimate["value"] is None:
        return "-"
    if estimate["interval95"] is None:
        return f"{estimate['value']:.3f}"
    low, high = estimate["interval95"]
    return f"{estimate['value']:.3f} ({low:.3f}-{high:.3f})"
