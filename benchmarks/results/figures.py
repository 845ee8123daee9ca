"""The figures of the document as SVG files, drawn from report.json."""

from icicore.reports import figures, tables
from icicore.reports.accuracy import MOST_CURVES
from icicore.reports.standalone import curve_legend, standalone


def drawn(report: dict) -> dict[str, str]:
    """SVG text by file name."""
    names = [m["name"] for m in report["models"] if m["name"] in report["curves"]][:MOST_CURVES]
    found = {
        "roc.svg": standalone(figures.roc_figure(report, names), curve_legend(report, names, "auc_roc")),
        "pr.svg": standalone(figures.pr_figure(report, names), curve_legend(report, names, "auc_pr")),
        "calibration.svg": standalone(figures.reliability_figure(report["calibration"][report["main"]], "Reliability")),
        "decision.svg": standalone(figures.decision_figure(report), _plain(report, report["decision_curve"]["models"])),
        "subgroups.svg": standalone(_groups(report)),
        "subsets.svg": standalone(_subsets(report)),
    }
    for what in report["faithfulness"]["deletion"]:
        drawing = figures.deletion_figure(report["faithfulness"], what)
        if drawing:
            found[f"deletion-{what}.svg"] = standalone(drawing, [(name, "", k) for k, name in enumerate(REMOVED)])
    return found


REMOVED = ("top for response", "top against response", "top by attention", "random")


def _plain(report: dict, names) -> list[tuple[str, str, int]]:
    return [(name, "", figures.palette(report)[name]) for name in names]


def _groups(report: dict) -> str:
    rows: list = []
    for grouping in dict.fromkeys(r["grouping"] for r in report["subgroups"]):
        rows.append((grouping, {"head": True}))
        rows += [(tables.shown(r["group"]), r) for r in report["subgroups"] if r["grouping"] == grouping]
    whole = next(m["auc_roc"]["value"] for m in report["models"] if m["name"] == report["main"])
    return figures.forest_figure(rows, reference=whole, reference_name="all")


def _subsets(report: dict) -> str:
    rows = [(r["subset"].replace("+", " + "), r) for r in report["modality_subsets"]]
    return figures.forest_figure(rows, reference=None)
