"""What a comparison found, as HTML: checks, numbers side by side, curves, groups, explanations."""

from icicore.reports.figures import reliability_figure, roc_figure
from icicore.reports.numbers import estimate, interval, number, p_value
from icicore.types import Json
from icicore.ui import charts, theme
from icicore.ui.figures import picture
from icicore.ui.html_table import moment, table
from icicore.ui.text import count, esc
from icicore.ui.widgets import badge
from icicore.workflows.registry_comparison import allowed, worst_subgroup

ROLES = ("challenger", "champion")
NAMES = {"challenger": "candidate", "champion": "promoted model"}
CHECKS = {
    "enough": ("Enough patients", "held out from both models, of both classes"),
    "leak": ("No leak", "none of its training patients is a test patient of the promoted model"),
    "chance": ("Better than chance", "lower bound of its AUC above 0.5"),
    "auc": ("At least as good", "the 95 % interval of the AUC difference does not lie wholly below 0"),
    "calibration": ("Calibration not worse", "the 95 % interval of the difference does not lie wholly above 0"),
}
WORST = (
    "Worst subgroup<br><span class='i-dim'>the group of ten patients or more for which it loses most; stops "
    "nothing</span>"
)
_METRICS = {
    "auc_roc": "AUC-ROC",
    "auc_pr": "AUC-PR",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "brier": "Brier score (0 is best)",
}
_KINDS = {
    "attention": "Tile attention",
    "contribution": "Tile contribution",
    "genes": "Gene attribution",
    "gene_attention": "Gene attention",
}
CALIBRATION_MEANS = (
    "<b>Calibration loss</b>: log loss per patient that a recalibration (slope and intercept) on these patients would "
    "still save, in nats; 0 is ideal. Differences: the same resampled patients for both models."
)
FAITHFUL_MEANS = (
    "Change of the logit when the top 10 % that the explanation names is removed, beyond a random 10 %. "
    "Positive is faithful, 0 is chance; 95 % intervals."
)


def verdict_html(found: Json) -> str:
    """Who was compared on whom, and every check with its outcome in words."""
    passed = allowed(found)
    lead, look = ("May be promoted by a person.", "calm") if passed else ("Cannot be promoted.", "bad")
    challenger, champion = (esc(found[role]["name"]) for role in ROLES)
    who = "virtual patients" if found["virtual_study"] else "patients"
    seen = f", {found['left_out']} left out as one of the two was trained or tuned on them" if found["left_out"] else ""
    rows = [
        (
            badge("passed", "ok", "✓") if check["passed"] else badge("failed", "bad", "×"),
            f"{CHECKS[check['code']][0]}<br><span class='i-dim'>{CHECKS[check['code']][1]}</span>",
            esc(check["text"]),
        )
        for check in found["checks"]
    ]
    if "subgroup_losses" in found:
        sure, said = worst_subgroup(found)
        mark = badge("worse", "warn", "!") if sure else badge("note", "line")
        rows.append((mark, WORST, esc(said)))
    on = (
        f"<b>{challenger}</b> against <b>{champion}</b> (promoted) on {found['n']} held-out {who} of "
        f"{esc(found['study'])}, {found['responders']} responders{seen}. Compared {esc(moment(found['at']))}; 95 % "
        f"intervals, {found['bootstrap']} resamples."
    )
    banner = f'<div class="i-reasons {look}" role="note"><b>{lead}</b></div>'
    return charts.card("", banner, charts.note(on), "<p></p>", table(("Outcome", "Rule", "Found"), rows))


def numbers_html(found: Json, colours: theme.Palette) -> str:
    """Metrics side by side, curves, groups and explanations."""
    figures = _roc(found, colours) + "".join(_reliability(found, role, colours) for role in ROLES)
    return (
        f"{_metrics(found)}"
        f'<div class="i-pair" style="grid-template-columns:repeat(3,minmax(0,1fr))">{figures}</div>'
        f'<div class="i-pair">{_groups(found)}{_faithfulness(found)}</div>'
    )


def _metrics(found: Json) -> str:
    first, second = found["models"]
    pair = found["pair"]
    rows = [[label, estimate(first[key], 3), estimate(second[key], 3), ""] for key, label in _METRICS.items()]
    rows[0][3] = (
        f"{number(pair['auc_difference'], 3)} ({interval(pair['interval95'], 3)}), DeLong p {p_value(pair['delong_p'])}"
    )
    fits = [found["calibration"].get(role) or {} for role in ROLES]
    slopes = [f"slope {number(fit.get('slope'))}, intercept {number(fit.get('intercept'))}" for fit in fits]
    loss = f"loss {estimate(found['calibration_difference'], 3)} nats"
    rows.append(["Calibration (1 and 0 are ideal)", *slopes, loss])
    low, high = pair["interval95"] or (0.0, 0.0)
    seen = f" With {found['n']} patients a loss of AUC below about {number((high - low) / 2)} could go unseen."
    head = (f"n {found['n']}; 95 % intervals", "Candidate", "Promoted model", "Candidate minus promoted")
    return charts.card("Side by side", table(head, rows), charts.note(CALIBRATION_MEANS + seen))


def _roc(found: Json, colours: theme.Palette) -> str:
    if set(found["curves"]) != set(ROLES):
        return charts.card("ROC", charts.note("No ROC: the patients are of one class."))
    svg = roc_figure(found, ROLES)
    key = (
        f'<i class="i-dot" style="background:{colours.accent}"></i> candidate, solid &nbsp; '
        f'<i class="i-dot" style="background:{colours.genomics}"></i> promoted, dashed &nbsp; shaded: 95 % bands; '
        f"dotted: chance; n {found['n']}."
    )
    return charts.card("ROC", picture(svg, colours, "ROC curves of candidate and promoted model"), charts.note(key))


def _reliability(found: Json, role: str, colours: theme.Palette) -> str:
    shown, title = found["calibration"].get(role), f"Reliability of the {NAMES[role]}"
    if shown is None:
        return charts.card(title, charts.note("Its score is not a probability."))
    words = (
        f"ECE {number(shown['ece'], 3)} · Brier {number(shown['brier'], 3)} · n {shown['n']}; bars: patients per bin."
    )
    return charts.card(title, picture(reliability_figure(shown, title), colours, title), charts.note(words))


def _groups(found: Json) -> str:
    worst = found["worst_loss"]
    rows = [
        (
            f"{esc(row['group'])} <span class='i-dim'>{esc(row['grouping'])}</span>",
            str(row["n"]),
            str(row["responders"]),
            f"{number(row['auc_difference'])} ({interval(row['interval95'])}){_worse(row)}",
        )
        for row in found["subgroup_losses"]
    ]
    note = "No group is large enough to be measured."
    if worst is not None and worst["auc_difference"] < 0:
        note = (
            f"<b>Largest loss: {esc(worst['group'])}, {number(worst['auc_difference'])} "
            f"({interval(worst['interval95'])}), n {worst['n']}.</b>"
        )
    elif worst is not None:
        note = "No group loses."
    few = " Groups below 10 patients are left out. Among many groups one loses by chance."
    head = ("Group", "n", "Responders", "AUC, candidate minus promoted")
    return charts.card("For whom is it worse?", table(head, rows), charts.note(note + few))


def _worse(row: Json) -> str:
    high = row["interval95"][1]
    return " <b>worse</b>" if high is not None and high < 0 else ""


def _faithfulness(found: Json) -> str:
    first, second = (found["faithfulness"][role] for role in ROLES)
    rows = []
    for kind, label in _KINDS.items():
        one, two = first.get(kind), second.get(kind)
        if one or two:
            rows.append((label, count((one or two)["n"], "patient"), estimate(one), estimate(two)))
    head = ("Explanation", "n", "Candidate", "Promoted model")
    return charts.card("Faithfulness of the explanations", table(head, rows), charts.note(FAITHFUL_MEANS))
