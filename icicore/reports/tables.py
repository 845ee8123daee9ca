"""The tables of an evaluation report as HTML."""

from collections.abc import Sequence
from html import escape

from icicore.domain import MODALITIES
from icicore.reports.numbers import DASH, estimate, interval, number, p_value
from icicore.types import Json

METRICS = {
    "auc_roc": "AUC-ROC",
    "auc_pr": "AUC-PR",
    "accuracy": "accuracy",
    "f1": "F1",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "brier": "Brier",
    "ece": "ECE",
}
_THEIRS = ("accuracy", "f1", "sensitivity", "specificity")


def table(head: Sequence[str], rows: Sequence[str], *, left: int = 1) -> str:
    """A table; the first ``left`` columns are aligned left."""
    cells = "".join(f'<th class="{"l" if k < left else ""}">{escape(h)}</th>' for k, h in enumerate(head))
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def row(cells: Sequence[str], *, left: int = 1, kind: str = "") -> str:
    """A row of cells that are HTML already."""
    body = "".join(f"<td{' class=l' if 0 < k < left else ''}>{c}</td>" for k, c in enumerate(cells))
    return f'<tr class="{kind}">{body}</tr>'


def shown(name: str) -> str:
    """Name of a group as people write it."""
    return {"nsclc": "NSCLC"}.get(name, name)


def performance_table(report: Json) -> str:
    """Table 1: all models and comparators, with the reference paper's figures below each of ours."""
    theirs = report["reference_paper"]
    head = ("model", "n", "threshold", *METRICS.values())
    rows = []
    for kind, title in (("model", "Models"), ("comparator", "Simple comparators")):
        own = [m for m in report["models"] if m["kind"] == kind]
        if own:
            rows.append(f'<tr class="group"><td colspan="{len(head)}">{title}</td></tr>')
        for model in own:
            paper = theirs["models"].get(model["name"])
            mark = "" if paper else " alone"
            mark += " main" if model["name"] == report["main"] else ""
            rows.append(row(_model_cells(model), kind=f"ours{mark}"))
            if paper:
                rows.append(row(_paper_cells(paper, theirs["patients"]), kind="theirs"))
    return table(head, rows)


def _model_cells(model: Json) -> list[str]:
    threshold = DASH if model["threshold"] is None else number(model["threshold"], 2)
    return [escape(model["name"]), str(model["n"]), threshold, *(_cell(model[name], 3) for name in METRICS)]


def _paper_cells(paper: Json, patients: int) -> list[str]:
    auc = paper["auc_roc"]
    shown = [f"{number(auc['value'])}<small>{interval(auc['interval95']) or '&nbsp;'}</small>", ""]
    shown += [number(paper[name]) for name in _THEIRS]
    return ["reference paper, its cohort", f"{patients:,}".replace(",", "\N{THIN SPACE}"), "", *shown, "", ""]


def _cell(content: Json, digits: int) -> str:
    if content["value"] is None:
        return DASH
    return f"{number(content['value'], digits)}<small>{interval(content['interval95'], digits)}</small>"


def pair_table(report: Json, *, against: str | None) -> str:
    """Differences of AUC; only those of one model, or all the others."""
    rows = []
    for pair in report["pairs"]:
        involved = against in (pair["a"], pair["b"])
        if involved is not (against is not None) and against is not None:
            continue
        if against is None and report["main"] in (pair["a"], pair["b"]):
            continue
        rows.append(row(_pair_cells(pair, against)))
    head = ("difference of AUC-ROC", "n", "value", "95 % interval, bootstrap", "95 % interval, DeLong", "DeLong p")
    return table(head, rows) if rows else ""


def _pair_cells(pair: Json, against: str | None) -> list[str]:
    turned = against is not None and pair["b"] == against
    a, b = (pair["b"], pair["a"]) if turned else (pair["a"], pair["b"])
    if pair["auc_difference"] is None:
        return [f"{escape(a)} \N{MINUS SIGN} {escape(b)}", str(pair["n"]), DASH, DASH, DASH, DASH]
    value = -pair["auc_difference"] if turned else pair["auc_difference"]
    bounds = [_turned(pair[k]) if turned else pair[k] for k in ("interval95", "delong95")]
    shown = [signed(value), *(interval(b, 3) for b in bounds), p_value(pair["delong_p"])]
    return [f"{escape(a)} \N{MINUS SIGN} {escape(b)}", str(pair["n"]), *shown]


def _turned(bounds: list[float]) -> list[float]:
    return [-bounds[1], -bounds[0]]


def signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign."""
    if value is None:
        return DASH
    return ("+" if value > 0 else "") + number(value, digits)


def calibration_table(report: Json) -> str:
    """Slope, intercept, Brier score and ECE of every probability, and how much of the ECE chance alone gives."""
    rows = [
        row([escape(name), str(c["n"]), number(c["slope"]), number(c["intercept"]),
             number(c["calibration_in_the_large"]), number(c["brier"], 3), number(c["ece"], 3),
             number(c["ece_debiased"], 3), number(c["ece_if_calibrated"]["mean"], 3),
             number(c["ece_if_calibrated"]["p"])])
        for name, c in report["calibration"].items()
    ]  # fmt: skip
    chance = ("ECE debiased", "ECE if perfectly calibrated", "p")
    return table(("model", "n", "slope", "intercept", "shift", "Brier", "ECE", *chance), rows)


def oracle_table(oracle: Json) -> str:
    """Oracle AUCs, and AUC and efficiency of every model."""
    names = {"auc_roc": "what the patient's data show", "auc_roc_causes": "every cause"}
    names |= {name: f"every cause in {name}" for name in MODALITIES}
    best = table(
        ("oracle knows", "n", "AUC-ROC"),
        [row([title, str(oracle["n"]), number(oracle[key], 3)]) for key, title in names.items()],
    )
    share = table(
        ("model", "n", "efficiency (95 % interval)", "against every cause"),
        [
            row([escape(m), str(oracle["n"]), estimate(e, 3), estimate(oracle["efficiency_of_causes"][m], 3)])
            for m, e in oracle["efficiency_of"].items()
        ],
    )
    return f'<div class="pair"><div>{best}</div><div>{share}</div></div>'


def feature_table(report: Json, *, limit: int = 20) -> str:
    """Table 2: the ranked features."""
    shown = report["features"][:limit]
    most = max((f["importance"] for f in shown), default=1.0) or 1.0
    known = any(f["planted"] is not None for f in shown)
    head = ["rank", "feature", "modality", "loss of AUC-ROC when permuted", "", "mean |attribution|, logit"]
    head += ["planted"] if known else []
    rows = []
    for f in shown:
        width = max(0.0, 100 * f["importance"] / most)
        bar = f'<span class="bar-cell"><i class="{f["modality"]}" style="width:{width:.0f}%"></i></span>'
        cells = [str(f["rank"]), escape(f["name"]), f["modality"], number(f["importance"], 4), bar]
        cells.append(number(f["attribution"], 3))
        if known:
            cells.append(
                {True: '<span class="yes">yes</span>', False: '<span class="no">no</span>'}.get(f["planted"], DASH)
            )
        rows.append(row(cells, left=3))
    return table(head, rows, left=3)


def faithfulness_table(faithfulness: Json) -> str:
    """One number per kind of explanation."""
    titles = {
        "contribution": "tile contribution", "attention": "tile attention", "genes": "gene attribution",
        "gene_attention": "gene attention", "gradcam": "Grad-CAM",
    }  # fmt: skip
    loo = faithfulness["leave_one_tile_out"]
    rows = []
    for kind, title in titles.items():
        found = faithfulness["kinds"].get(kind)
        n = str(found["n"]) if found else DASH
        rank = estimate(loo.get(kind), 2) if kind in loo else ""
        meaning = found["meaning"].partition(": ")[2] if found else faithfulness["gradcam_note"]
        rows.append(row([f"{title}<small>{escape(meaning)}</small>", n, estimate(found, 3), rank]))
    head = ("explanation", "n patients", "beyond random, logit", "rank correlation with leave-one-tile-out")
    return table(head, rows)
