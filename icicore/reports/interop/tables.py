"""Everything on the case page as CSV tables: UTF-8, commas, one header line, numbers with a point."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from icicore.domain import MODALITIES, RESEARCH_USE
from icicore.reports.interop.content import CaseContent
from icicore.types import Json

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TILE_COLUMNS = (
    "row", "col", "x_l0", "y_l0", "attention", "attention_rank", "contribution", "contribution_rank",
    "leave_one_out", "leave_one_out_rank", "tile_class",
)  # fmt: skip
_GENE_COLUMNS = ("symbol", "kind", "value", "measured", "attention", "attribution", "percentile", "share", "n")


_FINDING_COLUMNS = ("rank", "modality", "name", "value", "unit", "importance", "direction")


def csv_tables(content: CaseContent) -> dict[str, bytes]:
    """File name to content."""
    prediction = content.prediction
    return {
        "answer.csv": _table(("quantity", "value", "unit"), _answer(content)),
        "reasons.csv": _rows(("code", "modality", "message"), content.reasons),
        "modalities.csv": _table(("modality", "weight", "contribution_logit"), _modalities(prediction)),
        "comparators.csv": _table(("score", "value", "percentile", "n", "response_rate"), _comparators(prediction)),
        "clinical.csv": _rows(("name", "value", "unit", "percentile", "n"), prediction.get("clinical") or []),
        "measures.csv": _rows(("name", "value", "unit", "percentile", "n"), prediction.get("measures") or []),
        "genes.csv": _rows((*_GENE_COLUMNS, "attention_low", "attention_high", "changes"), map(_gene, _genes(content))),
        "findings.csv": _rows(_FINDING_COLUMNS, content.features),
        "slides.csv": _table(("slide", "digest", "mpp_um", "n_tiles", "quality", "value"), _slides(prediction)),
        "tiles.csv": _table(("slide", *_TILE_COLUMNS, "class_name"), _tiles(content)),
    }  # fmt: skip


def _answer(content: CaseContent) -> Iterable[Sequence[object]]:
    p = content.prediction
    low, high = p.get("interval95") or (None, None)
    training = p.get("training") or {}
    return (
        ("case_id", content.case_id, ""),
        ("use", p.get("use", RESEARCH_USE), ""),
        ("tumour_type", p.get("tumour_type"), ""),
        ("status", p.get("status"), ""),
        ("probability_of_objective_response", p.get("probability"), "1"),
        ("interval95_low", low, "1"),
        ("interval95_high", high, "1"),
        ("threshold", p.get("threshold"), "1"),
        ("call", p.get("call"), ""),
        ("training_patients", training.get("n"), "patients"),
        ("training_responders", training.get("responders"), "patients"),
        ("model", content.bundle.get("name"), ""),
        ("model_digest", content.bundle.get("digest"), "SHA-256"),
        ("model_trained_on_virtual_data", content.bundle.get("virtual"), ""),
        ("result_digest", content.result_digest, "SHA-256"),
        ("scored_at", content.scored_at.isoformat(), "UTC"),
    )


def _modalities(p: Json) -> Iterable[Sequence[object]]:
    weights, parts = p.get("modality_weights") or {}, p.get("modality_contributions") or {}
    return [(name, weights.get(name), parts.get(name)) for name in MODALITIES]


def _comparators(p: Json) -> Iterable[Sequence[object]]:
    places = p.get("comparator_places") or {}
    for name, value in (p.get("comparators") or {}).items():
        place = places.get(name) or {}
        yield name, value, place.get("percentile"), place.get("n"), place.get("rate")


def _genes(content: CaseContent) -> list[Json]:
    return list(content.prediction.get("genes") or [])


def _gene(gene: Json) -> Json:
    low, high = gene.get("attention_range") or (None, None)
    changes = "; ".join(f"{c.get('protein') or '?'} ({c.get('class') or '?'})" for c in gene.get("changes") or [])
    return gene | {"attention_low": low, "attention_high": high, "changes": changes}


def _slides(p: Json) -> Iterable[Sequence[object]]:
    for slide in p.get("slides") or []:
        digest = str(slide["digest"])
        for name, value in (slide.get("qc") or {}).items():
            yield digest[:16], digest, slide.get("mpp"), slide.get("n_tiles"), name, value


def _tiles(content: CaseContent) -> Iterable[Sequence[object]]:
    for slide in content.slides:
        names = next((x.get("classes") for x in slide.layers["layers"] if x["id"] == "classes"), None) or []
        columns = [slide.tiles.get(name) for name in _TILE_COLUMNS]
        for i in range(int(slide.tiles["n"])):
            row = [None if column is None else column[i] for column in columns]
            shown = row[-1]
            yield slide.slide_id, *row, names[shown] if shown is not None and 0 <= shown < len(names) else None


def _rows(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    return _table(columns, ([row.get(name) for name in columns] for row in rows))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue().encode()


def _cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe; everything else is written as it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if not isinstance(value, (int, float)) else ""
    return f"'{text}" if text.startswith(_FORMULA) else (text or value)
