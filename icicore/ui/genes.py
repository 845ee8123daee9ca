"""Gene tokens of a prediction as tables: what was measured, what it was, how it counted."""

from collections.abc import Mapping, Sequence

import pandas as pd

from icicore.types import Json
from icicore.ui.placement import change_words
from icicore.ui.text import DASH

NOT_MEASURED, WILD_TYPE, MUTATED, MEASURED = "not measured", "wild type", "mutated", "measured"
STATES = (MUTATED, WILD_TYPE, MEASURED, NOT_MEASURED)
OTHER = "other"
TMB = "TMB"
KINDS: Mapping[str, str] = {"mutation": "Mutation", "expression": "RNA", "tmb": "TMB"}


def gene_table(genes: Sequence[Json], pathways: Mapping[tuple[str, str], Sequence[str]]) -> pd.DataFrame:
    """One row per gene token, largest attribution first.

    Returns
    -------
    columns symbol, kind, state, value (NaN where not measured), attention, attribution (logit; NaN where not
    measured), pathway (first one, "other" when in none), pathways (all, comma-separated), change (protein changes in
    words), percentile and n (of the training patients), share (of them mutated), spread (range of attention over the
    members); empty or NaN where the result does not say
    """
    rows = [_row(gene, pathways) for gene in genes]
    columns = ["symbol", "kind", "state", "value", "attention", "attribution", "pathway", "pathways"]
    columns += ["change", "percentile", "share", "n", "spread"]
    table = pd.DataFrame(rows, columns=columns)
    order = table["attribution"].abs().fillna(-1).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _row(gene: Json, pathways: Mapping[tuple[str, str], Sequence[str]]) -> tuple[object, ...]:
    symbol = str(gene["symbol"])
    kind = "tmb" if symbol == TMB else str(gene["kind"])
    names = [str(p) for p in pathways.get((symbol, kind), ())]
    return (
        symbol,
        KINDS.get(kind, kind),
        _state(gene),
        _value(gene, "value"),
        _value(gene, "attention"),
        _value(gene, "attribution"),
        names[0] if names else OTHER,
        ", ".join(names) or OTHER,
        change_words(gene.get("changes") or ()),
        _number(gene.get("percentile")),
        _number(gene.get("share")),
        _number(gene.get("n") or None),
        _spread(gene),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _spread(gene: Json) -> str:
    found = gene.get("attention_range")
    return f"{found[0]:.4f}{DASH}{found[1]:.4f}" if gene["measured"] and found else ""


def _value(gene: Json, name: str) -> float:
    value = gene.get(name)
    return float(value) if gene["measured"] and value is not None else float("nan")


def _state(gene: Json) -> str:
    """A gene that the assay did not cover is not measured, which is not the same as wild type."""
    if not gene["measured"]:
        return NOT_MEASURED
    if gene["kind"] == "mutation" and gene["symbol"] != TMB:
        return MUTATED if gene["value"] else WILD_TYPE
    return MEASURED


def search(table: pd.DataFrame, words: str, states: Sequence[str]) -> pd.DataFrame:
    """Rows whose symbol, change or pathway contains every word (case ignored) and whose state is one of those given."""
    keep = table["state"].isin(states) if states else pd.Series(data=True, index=table.index)
    for word in words.lower().split():
        keep &= sum(table[c].str.lower().str.contains(word, regex=False) for c in ("symbol", "change", "pathways")) > 0
    return table[keep]


def top_genes(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """The ``n`` measured tokens with the largest attribution, either sign."""
    return table[table["attribution"].notna()].head(n)


def pathway_sums(table: pd.DataFrame) -> pd.DataFrame:
    """Sum of attribution and number of measured tokens per pathway (each token counted in its first pathway)."""
    measured = table[table["attribution"].notna()]
    sums = measured.groupby("pathway", sort=False)["attribution"].agg(["sum", "size"])
    sums = sums.rename(columns={"sum": "attribution", "size": "n"}).reset_index()
    return sums.reindex(sums["attribution"].abs().sort_values(ascending=False).index).reset_index(drop=True)


def measured_counts(table: pd.DataFrame) -> dict[str, int]:
    """Number of tokens in each state."""
    counts = table["state"].value_counts()
    return {state: int(counts.get(state, 0)) for state in STATES}
