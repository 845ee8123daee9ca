"""docs/results.md and its figures, from the reports alone."""

import re
import shutil
from pathlib import Path

from icicore.fingerprint import write_bytes
from results import other, sections
from results.figures import drawn
from results.plan import Plan
from results.stages import Done

NAME, FIGURES = "results.md", "figures"


def write_document(
    docs: Path, plan: Plan, found: dict[str, Done | None], stages: list[list[Done]], command: str
) -> Path:
    """Write the document and its figures below ``docs``; returns the document."""
    report = found["reference"].result
    figures = drawn(report)
    shutil.rmtree(docs / FIGURES, ignore_errors=True)
    for name, svg in figures.items():
        write_bytes(docs / FIGURES / name, svg.encode())
    text = document(plan, found, stages, command)
    write_bytes(docs / NAME, text.encode())
    return docs / NAME


def document(plan: Plan, found: dict[str, Done | None], stages: list[list[Done]], command: str) -> str:
    """The text; every number comes from a report."""
    reports = {name: None if stage is None else stage.result for name, stage in found.items()}
    main = reports["reference"]
    parts = [
        "# Results",
        f"{main['research_use']}. Made by one command from seed {plan.seed}; every number on this page comes from a "
        "report that the command wrote, none is typed by hand. **The patients of all sections but the one on public "
        "cohorts are virtual**: these figures say how well the method finds what was planted, nothing about real "
        "people.",
        *_part("The reference cohort", sections.cohort(main)),
        *_part("Performance", sections.performance(main)),
        *_part("Differences between models", sections.differences(main)),
        *_part("What is possible: the oracle", sections.oracle(main)),
        *_part("Ablation of the recipe", sections.ablation(reports["ablation"])),
        *_part("Attention fusion against concatenation", sections.fusion(main)),
        *_part("Calibration and decisions", sections.calibration(main)),
        *_part("Patients of another seed", sections.elsewhere(reports["elsewhere"])),
        *_part("Subgroups", sections.subgroups(main)),
        *_part("Every subset of the modalities", sections.subsets(main)),
        *_part("Modality weight and tissue quality", sections.weights(main)),
        *_part("Ranked features", sections.features(main)),
        *_part("Faithfulness of the explanations", sections.faithfulness(main)),
        *_part("Without signal", sections.no_signal(reports["no-signal"])),
        *_part("With a shortcut", sections.shortcut(reports["shortcut"], reports["shortcut-away"], main)),
        *_part("With many modalities missing", sections.missing(reports["missing"])),
        *_part("Tissue classes", other.tiles(reports["tiles"])),
        *_part("Public cohorts", other.public(reports["public"])),
        *_part("How this page was made", other.made(plan, stages, command, found["training"])),
    ]
    return "\n\n".join(parts) + "\n"


def _part(title: str, text: str) -> tuple[str, str]:
    return f"## {title}", text


def faults(docs: Path, found: dict[str, Done | None]) -> list[str]:
    """What is wrong with a document: numbers that are none, models without AUC, figures that are not there."""
    text = (docs / NAME).read_text(encoding="utf-8")
    wrong = [f"{NAME}: holds '{word}'" for word in re.findall(r"\b(?:nan|inf|None)\b", text)]
    pictures = re.findall(rf"\({FIGURES}/([^)]+)\)", text)
    wrong += [f"{name}: is named but not there" for name in pictures if not (docs / FIGURES / name).is_file()]
    if not pictures:
        wrong.append(f"{NAME}: shows no figure")
    for name in ("reference", "ablation", "elsewhere", "no-signal", "missing", "shortcut", "shortcut-away"):
        models = found[name].result["models"]
        wrong += [f"{name}: {m['name']} has no AUC" for m in models if m["kind"] == "model" and not _known(m)]
    return wrong


def _known(model: dict) -> bool:
    auc = model["auc_roc"]
    return auc["value"] is not None and auc["interval95"] is not None and 0 <= auc["value"] <= 1
