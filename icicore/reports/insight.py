"""Sections on for whom and why: subgroups, modalities, features, faithfulness."""

from html import escape

from icicore.reports import figures, tables
from icicore.reports.html import section
from icicore.reports.numbers import BUILT_IN, DASH, estimate, interval, number, p_value, percent
from icicore.reports.svg import key
from icicore.types import Json


def subgroups(report: Json) -> str:
    """Figure 4: AUC by group."""
    rows: list[tuple[str, Json]] = []
    for grouping in dict.fromkeys(r["grouping"] for r in report["subgroups"]):
        rows.append((grouping, {"head": True}))
        rows += [(tables.shown(r["group"]), r) for r in report["subgroups"] if r["grouping"] == grouping]
    whole = next(m["auc_roc"]["value"] for m in report["models"] if m["name"] == report["main"])
    figure = figures.forest_figure(rows, reference=whole, reference_name="all")
    lead = (
        f"<b>Figure 4.</b> AUC-ROC of <b>{escape(report['main'])}</b> by group: responders / patients, value and "
        "DeLong interval. The lowest of each grouping is named; with several groups one is always lowest, so look at "
        "the intervals. Groups with one class or fewer than 10 patients have no AUC."
    )
    return section("Subgroups", lead, f"<figure>{figure}</figure>" if rows else "")


def subsets(report: Json) -> str:
    """Figure 5: every subset of the modalities."""
    rows = [(r["subset"].replace("+", " + "), r) for r in report["modality_subsets"]]
    if len(rows) < 2:
        return ""
    lead = (
        f"<b>Figure 5.</b> AUC-ROC of <b>{escape(report['main'])}</b> when it sees some modalities only, among the "
        "patients who have them: responders / patients, value and interval."
    )
    return section(
        "Every subset of the modalities", lead, f"<figure>{figures.forest_figure(rows, reference=None)}</figure>"
    )


def fusion(report: Json) -> str:
    """Attention fusion against concatenation."""
    found = report["fusion_against_concat"]
    if not found:
        return ""
    titles = {"all": "all patients", "poor_or_missing": "a poor or missing modality", "complete": "all modalities good"}
    rows = []
    for name, title in titles.items():
        pair = found["groups"][name]
        bounds = interval(pair["interval95"], 3) or DASH
        cells = [title, str(pair["n"]), tables.signed(pair["auc_difference"]), bounds, p_value(pair["delong_p"])]
        rows.append(tables.row(cells))
    lead = (
        f"Difference of AUC-ROC, attention fusion minus concatenation. Poor or missing: {escape(found['definition'])}."
    )
    head = ("patients", "n", "difference", "95 % interval", "DeLong p")
    return section("Attention fusion against concatenation", lead, tables.table(head, rows))


def weights(report: Json) -> str:
    """Fusion weights against tissue quality."""
    found = report["modality_weights"]
    if not found:
        return ""
    rows = [
        tables.row(
            [f"{r['weight']} weight", escape(r["measure"]), str(r["n"]), estimate(r), r["expected_sign"]], left=2
        )
        for r in found["correlations"]
    ]
    head = ("fusion weight", "against", "n", "Spearman correlation (95 %)", "claimed sign")
    means = ", ".join(f"{m} {number(w)}" for m, w in found["mean_weights"].items())
    lead = (
        f"The claim is that {escape(found['claim'])}. Measured among the {found['n']} patients with all modalities; "
        f"mean weights: {means}.{_by_slide(found['by_slide'])}"
    )
    if found.get("built_in"):  # not in reports of earlier versions
        lead += f" {BUILT_IN}"
    return section("Modality weight and tissue quality", lead, tables.table(head, rows, left=2))


def _by_slide(found: Json | None) -> str:
    if not found:
        return ""
    parts = [
        f"{group} slides (n {row['n']}): histology {number(row['histology'])}, genomics {number(row['genomics'])}"
        for group, row in found.items()
    ]
    return f" By slide: {'; '.join(parts)}."


def features(report: Json) -> str:
    """Table 2."""
    notes = report["feature_notes"]
    lead = (
        f"<b>Table 2.</b> Features of <b>{escape(report['main'])}</b>, all modalities on one scale: loss of AUC-ROC "
        f"when the feature is dealt out anew among the patients who have it (n {notes['patients']}), and mean absolute "
        f"attribution in logit (genes: integrated gradients over {notes['attributed']} patients). "
        f"{_measured(notes['measures'])}"
    )
    return section("Ranked features", lead, tables.feature_table(report) if report["features"] else "")


def _measured(found: Json | None) -> str:
    if not found:
        return "Histology is one row: there is no column of a slide to permute."
    return (
        "The slide is permuted as a whole; its importance is divided among the named measures by the share of the "
        "variance of the histology contribution that each explains "
        f"(together R\N{SUPERSCRIPT TWO} {number(found['r2'])}, n {found['n']}). The whole slide: loss of "
        f"{estimate(found['whole'], 3)}, of which {number(found['unexplained'], 3)} is not explained by these measures."
    )


def faithfulness(report: Json) -> str:
    """Figure 6: deletion tests, and one number per kind of explanation."""
    found = report["faithfulness"]
    if not any(found["kinds"].values()):
        return ""
    legend = key(
        ("top for response", "top against response", "top by attention", "random"), ("",) * 4, colours=range(4)
    )
    plots = "".join(
        f"<figure><h3>{what}</h3>{figures.deletion_figure(found, what)}</figure>" for what in ("tiles", "genes")
    )
    lead = (
        "<b>Figure 6.</b> What the model really uses: change of the calibrated logit when the top "
        f"{percent(found['share_removed'])} by each explanation is removed, beyond a random share of the same size. "
        "Positive is faithful, 0 is chance."
    )
    body = (
        tables.faithfulness_table(found)
        + _planted_tiles(found["planted_tiles"])
        + f'<div class="pair">{plots}</div>{legend}'
    )
    return section("Faithfulness of the explanations", lead, body)


def _planted_tiles(found: Json | None) -> str:
    if not found:
        return ""
    return (
        f'<p class="cap">Against the planted tissue ({escape(found["planted"])}; {escape(found["measure"])}, mean over '
        f"{found['attention']['n']} patients with an informative slide): attention {estimate(found['attention'])}, "
        f"contribution {estimate(found['contribution'])}; chance is 0.5.</p>"
    )
