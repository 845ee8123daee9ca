"""Sections on the reference cohort, from its report."""

from icicore.reports.numbers import BUILT_IN, DASH, number, percent
from icicore.reports.tables import shown
from results.markdown import against, difference, figure, holds, table, value

METRICS = ("auc_roc", "auc_pr", "accuracy", "f1", "sensitivity", "specificity", "brier", "ece")
HEAD = ("AUC-ROC", "AUC-PR", "accuracy", "F1", "sensitivity", "specificity", "Brier", "ECE")


def cohort(report: dict) -> str:
    split, types = report["split"], ", ".join(f"{n} {shown(name)}" for name, n in report["tumour_types"].items())
    have = ", ".join(f"{name} {n}" for name, n in report["present"].items())
    return (
        f"Split by patient: {split['train']} for training, {split['val']} for validation, {split['test']} for the "
        f"test. All figures below are of the test patients: {report['n']}, {report['responders']} responders "
        f"({percent(report['prevalence'])}); {types}; modality present: {have}. Intervals are 95 %, from "
        f"{report['bootstrap']:,} resamples of patients. How each number is made is in [evaluation.md](evaluation.md)."
    )


def performance(report: dict) -> str:
    paper = report["reference_paper"]
    rows = []
    for model in report["models"]:
        cut = DASH if model["threshold"] is None else number(model["threshold"])
        rows.append([model["name"], model["n"], cut, *(value(model[m]) for m in METRICS)])
        theirs = paper["models"].get(model["name"]) if model["kind"] == "model" else None
        if theirs:
            cells = [value(theirs["auc_roc"], 2), "", *(number(theirs[m]) for m in METRICS[2:6]), "", ""]
            rows.append([f"*{c}*" if c else "" for c in ("reference paper, its cohort", paper["patients"], "", *cells)])
    lead = (
        "**Table 1.** All models and simple scores on the same patients. Rows in italics are figures of the reference "
        f"paper, theirs and not ours ({paper['note']}). Thresholds were chosen on validation patients for sensitivity "
        "first."
    )
    return "\n\n".join([lead, table(("model", "n", "threshold", *HEAD), rows), _curves(report)])


def _curves(report: dict) -> str:
    lines = [
        figure("roc.svg", "Figure 1: ROC curves of all models with bands"),
        figure("pr.svg", "Precision and recall"),
    ]
    return " ".join(lines)


def differences(report: dict) -> str:
    main = report["main"]
    rows = [[f"{main} \N{MINUS SIGN} {other}", pair["n"], text] for other, text, pair, _ in against(report, main)]
    return (
        f"Difference of AUC-ROC to every other score, paired; positive is in favour of {main}; p from DeLong's test, "
        "not corrected for their number.\n\n" + table(("", "n", "difference, interval, p"), rows)
    )


def between(found: dict) -> str:
    low, high = found["interval95"]
    return f"{number(found['mean'], 3)} ({number(low, 3)} to {number(high, 3)})"


def calibration(report: dict) -> str:
    rows = [
        [
            name, c["n"], number(c["slope"]), number(c["intercept"]), number(c["brier"], 3), number(c["ece"], 3),
            number(c["ece_debiased"], 3), between(c["ece_if_calibrated"]), number(c["ece_if_calibrated"]["p"]),
        ]
        for name, c in report["calibration"].items()
    ]  # fmt: skip
    pictures = [
        figure("calibration.svg", f"Figure 2: reliability of {report['main']}, with patients per bin"),
        figure("decision.svg", "Figure 3: decision curves; dotted: treat everybody"),
    ]
    head = ("model", "n", "slope", "intercept", "Brier", "ECE", "ECE debiased", "ECE if perfectly calibrated", "p")
    words = (
        "Expected calibration error over ten bins. So few patients give an ECE above 0 by chance alone; the columns "
        "beside it are the ECE with an estimate of that bias removed (Kumar, Liang and Ma 2019), and the ECE (mean, "
        "95 % range) of outcomes drawn from the model's own probabilities; p is the share of such draws that are no "
        "better than the ECE observed.\n\n"
    )
    return words + table(head, rows) + "\n\n" + " ".join(pictures)


def oracle(report: dict) -> str:
    found = report["oracle"]
    if not found:
        return "The study has no planted truth."
    best = table(
        ("the oracle knows", "AUC-ROC"),
        [["what each patient's data show", number(found["auc_roc"], 3)],
         ["every cause, also of missing and spoiled modalities", number(found["auc_roc_causes"], 3)],
         *([f"every cause in {name}", number(found[name], 3)] for name in ("histology", "genomics", "clinical"))],
    )  # fmt: skip
    strict = found["efficiency_of_causes"]
    rows = [[name, value(share), value(strict[name])] for name, share in found["efficiency_of"].items()]
    return (
        "The best score that is possible is known, because the probability of every virtual patient is, given what "
        "the patient's data show. Oracle efficiency is (AUC \N{MINUS SIGN} 0.5) / (oracle AUC \N{MINUS SIGN} 0.5) on "
        "the same patients.\n\n"
        f"{best}\n\n{table(('model', 'oracle efficiency', 'against the oracle of every cause'), rows)}"
    )


def subgroups(report: dict) -> str:
    worst = report["worst_subgroup"]
    line = ""
    if worst:
        line = (
            f"The lowest is {worst['grouping']} {shown(worst['group'])}: {value(worst['auc_roc'], 2)}, n {worst['n']}. "
        )
    return f"{line}With many groups one is always lowest, so look at the intervals.\n\n" + figure(
        "subgroups.svg", "Figure 4: AUC-ROC by tumour type, site, sex and age"
    )


def subsets(report: dict) -> str:
    rows = [
        [r["subset"].replace("+", " + "), r["n"], r["responders"], value(r["auc_roc"]), value(r["auc_pr"])]
        for r in report["modality_subsets"]
    ]
    return (
        f"{report['main']} when it sees some modalities only, among the patients who have them.\n\n"
        + table(("seen", "n", "responders", "AUC-ROC", "AUC-PR"), rows)
        + "\n\n"
        + figure("subsets.svg", "Figure 5: AUC-ROC by subset of the modalities")
    )


GROUPS = {"all": "all", "poor_or_missing": "a poor or missing modality", "complete": "all modalities good"}


def fusion(report: dict) -> str:
    found = report["fusion_against_concat"]
    if not found:
        return "No concatenation was evaluated."
    rows = [[title, found["groups"][g]["n"], difference(found["groups"][g])] for g, title in GROUPS.items()]
    return f"Attention fusion minus concatenation. Poor or missing: {found['definition']}.\n\n" + table(
        ("patients", "n", "difference of AUC-ROC, interval, p"), rows
    )


def elsewhere(report: dict) -> str:
    """The models of the reference cohort among patients of another seed, all of whom are strangers to them."""
    best, ece = report["oracle"], report["calibration"]
    rows = [
        [
            m["name"], value(m["auc_roc"]), value(best["efficiency_of"].get(m["name"])) if best else DASH,
            *(value(m[metric]) for metric in ("sensitivity", "specificity", "ece")),
            number(ece[m["name"]]["ece_debiased"], 3), between(ece[m["name"]]["ece_if_calibrated"]),
        ]
        for m in report["models"]
        if m["kind"] == "model"
    ]  # fmt: skip
    calibrated = ("ECE", "ECE debiased", "ECE if perfectly calibrated")
    head = ("model", "AUC-ROC", "oracle efficiency", "sensitivity", "specificity", *calibrated)
    return (
        f"The same models, calibration and thresholds, on {report['n']:,} patients simulated from another seed, none "
        "of whom trained or chose anything; more patients than the test holds above, so the intervals are narrower. "
        f"The oracle of what their data show reaches {number(best['auc_roc'] if best else None, 3)}.\n\n"
        f"{table(head, rows)}\n\n{fusion(report)}\n\n{weights(report)}"
    )


def weights(report: dict) -> str:
    found = report["modality_weights"]
    if not found:
        return "The model has no fusion weights."
    means = ", ".join(f"{m} {number(w)}" for m, w in found["mean_weights"].items())
    rows = [
        [f"{r['weight']} weight", r["measure"], r["n"], value(r, 2), r["expected_sign"]] for r in found["correlations"]
    ]
    return (
        f"The reference paper's claim: {found['claim']}. Measured on the {found['n']} patients with all modalities; "
        f"mean weights: {means}.{f' {BUILT_IN}' if found['built_in'] else ''}\n\n"
        + table(("fusion weight", "against", "n", "Spearman correlation", "claimed sign"), rows)
    )


def features(report: dict, *, limit: int = 15) -> str:
    rows = report["features"]
    planted = {True: "yes", False: "no", None: DASH}
    cells = [
        [f["rank"], f["name"], f["modality"], number(f["importance"], 4), number(f["attribution"], 3),
         planted[f["planted"]]]
        for f in rows[:limit]
    ]  # fmt: skip
    top = rows[:5]
    return (
        "**Table 2.** Features of all modalities by loss of AUC-ROC when permuted, beside the planted truth. Of the "
        f"top {len(top)}, {sum(bool(f['planted']) for f in top)} are planted causes.\n\n"
        + table(
            ("rank", "feature", "modality", "loss of AUC-ROC", "mean absolute attribution, logit", "planted"), cells
        )
    )


KINDS = {
    "contribution": "tile contribution", "attention": "tile attention",
    "genes": "gene attribution", "gene_attention": "gene attention",
}  # fmt: skip


def faithfulness(report: dict) -> str:
    found = report["faithfulness"]
    alone = found["leave_one_tile_out"]
    rows = [
        [title, found["kinds"][kind]["n"], value(found["kinds"][kind]), value(alone.get(kind), 2)]
        for kind, title in KINDS.items()
        if found["kinds"].get(kind)
    ]
    head = ("explanation", "n", "change of the logit beyond random removal", "rank correlation with leave-one-tile-out")
    parts = [
        f"The top {percent(found['share_removed'])} by each explanation is removed; positive is faithful, 0 is chance.",
        table(head, rows),
    ]
    if found["planted_tiles"]:
        planted = found["planted_tiles"]
        parts.append(
            f"Against the planted tissue ({planted['planted']}; AUC over the tiles of a patient): attention "
            f"{value(planted['attention'], 2)}, contribution {value(planted['contribution'], 2)}."
        )
    pictures = [
        figure(f"deletion-{what}.svg", f"Figure 6: removing {what}, the most important first")
        for what, lines in found["deletion"].items()
        if any(v is not None for values in lines.values() for v in values)
    ]
    return "\n\n".join([*parts, " ".join(pictures)])


def ablation(report: dict) -> str:
    titles, wide = report["titles"], report["elsewhere"]
    models = {m["name"]: m for m in report["models"] if m["kind"] == "model"}
    there = {m["name"]: m for m in wide["models"]}
    full = next(n for n, m in models.items() if titles[m["bundle"]] == "full recipe")
    gained, gained_there = ({other: text for other, text, *_ in against(r, full)} for r in (report, wide))
    better = {other: pair for other, _, pair, _ in against(wide, full) if other in models}
    clear = [titles[models[o]["bundle"]] for o, pair in better.items() if not holds(pair["interval95"], 0.0)]
    rows = [
        [
            titles[m["bundle"]], value(m["auc_roc"]), gained.get(name, DASH),
            value(there[name]["auc_roc"]), gained_there.get(name, DASH),
        ]
        for name, m in models.items()
    ]  # fmt: skip
    head = (
        "trained with", f"AUC-ROC, n {report['n']:,}", "full recipe minus this, interval, p",
        f"AUC-ROC, n {wide['n']:,} of another seed", "full recipe minus this",
    )  # fmt: skip
    return (
        "One member per row, trained on all training patients, tested on the test patients and on all patients of "
        "another seed, who tell smaller differences apart. Intervals are over patients only: another seed of "
        "training would move the rows too, by how much was not measured. "
        f"Outside its interval among the patients of another seed: {', '.join(clear) if clear else 'no row'}.\n\n"
        + table(head, rows)
    )


def no_signal(report: dict) -> str:
    models = {m["name"]: m["auc_roc"] for m in report["models"] if m["kind"] == "model"}
    main = report["main"]
    verdict = "contains" if holds(models[main]["interval95"], 0.5) else "**does not contain**"
    parts = [
        "A cohort whose responses are drawn without regard to the causes, trained and tested in the same way "
        f"({report['n']} test patients). The interval of {main} {verdict} 0.5; of several intervals of 95 % one may "
        "miss it by chance."
    ]
    flat = [name for name, auc in models.items() if auc["interval95"] == [0.5, 0.5]]
    if flat:
        parts.append(f"Calibration of {', '.join(flat)} found nothing to scale: every patient gets the base rate.")
    rows = [[name, report["n"], value(auc)] for name, auc in models.items()]
    return " ".join(parts) + "\n\n" + table(("model", "n", "AUC-ROC"), rows)


def shortcut(home: dict, away: dict, reference: dict) -> str:
    """Models of the cohort with a shortcut at home and elsewhere, beside those of the reference cohort at home."""
    found = [{m["name"]: m for m in r["models"] if m["kind"] == "model"} for r in (home, away, reference)]
    rows = [[name, *(value(own[name]["auc_roc"]) if name in own else DASH for own in found)] for name in found[0]]
    head = (
        "model",
        f"at home, AUC-ROC, n {home['n']}",
        f"on the reference cohort, n {away['n']}",
        f"trained and tested on the reference cohort, n {reference['n']}",
    )
    return (
        "A cohort in which responders are treated at other sites than non-responders, so that the stain of a slide "
        "tells the response without any biology. What a model has learnt of that is gone elsewhere: the nearer the "
        "second column is to the third, the less it relied on it. Stain normalisation works against this shortcut; "
        "the RNA batches are no part of it.\n\n" + table(head, rows)
    )


def missing(report: dict) -> str:
    rows = [[m["name"], m["n"], value(m["auc_roc"]), value(m["ece"])] for m in report["models"] if m["kind"] == "model"]
    have = ", ".join(f"{name} {n}" for name, n in report["present"].items())
    best = report["oracle"]["auc_roc"] if report["oracle"] else None
    return (
        f"Modalities go missing much more often: of {report['n']} test patients have {have}. The oracle of what "
        f"their data show reaches {number(best, 3)}.\n\n"
        + table(("model", "n", "AUC-ROC", "ECE"), rows)
        + "\n\n"
        + fusion(report)
    )
