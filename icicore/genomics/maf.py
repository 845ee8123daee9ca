"""MAF files: one row per mutation, one or many samples per file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from icicore.domain import GENOMICS, Reason
from icicore.errors import GenomicsError
from icicore.genomics.annotation import short_change
from icicore.genomics.builds import build_of_cells, unknown_build
from icicore.genomics.consequences import NON_CODING, classify_maf
from icicore.genomics.panel import is_known, resolve_symbol
from icicore.genomics.text_files import read_table, read_text, separator_hint

_REQUIRED = ("Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode")
# Other names that exporters give to the same column, lower case.
_OTHER_NAMES = {
    "gene": "Hugo_Symbol",
    "gene_symbol": "Hugo_Symbol",
    "hugosymbol": "Hugo_Symbol",
    "sample_id": "Tumor_Sample_Barcode",
    "start_position": "Start_Position",
    "protein_change": "HGVSp_Short",
    "amino_acid_change": "HGVSp_Short",
    "ncbi_build": "NCBI_Build",
}
_USED = (
    *_REQUIRED,
    *("NCBI_Build", "Chromosome", "Start_Position", "Reference_Allele", "Tumor_Seq_Allele2"),
    *("HGVSp_Short", "HGVSp", "HGVSc", "t_depth", "t_ref_count", "t_alt_count", "Mutation_Status", "FILTER"),
)
_BLANK = frozenset({"", ".", "na", "nan"})
_SOMATIC = _BLANK | {"somatic", "unknown", "confirmed somatic"}
_PASSED = _BLANK | {"pass"}
_FEW_UNKNOWN = 5
_MANY_UNKNOWN = 0.05


@dataclass(frozen=True)
class MafTable:
    """All usable rows of a MAF file.

    ``rows`` has the columns ``sample, gene, symbol, consequence, protein_change, chrom, pos, vaf``; ``gene`` is the
    approved symbol, ``symbol`` the one in the file; duplicates, germline and filtered rows are gone, silent and
    non-coding rows are kept. ``samples`` are all samples of the file in order, also those that the line
    ``#sequenced_samples:`` names and that have no mutation. ``other_build`` are samples that were left out because they
    are on another genome build than most.
    """

    rows: pd.DataFrame
    samples: tuple[str, ...]
    genome_build: str
    n_left_out: int
    warnings: tuple[Reason, ...]
    other_build: frozenset[str] = frozenset()


def read_maf_table(path: Path, *, one_build: bool = False) -> MafTable:
    """Read a MAF file, plain or gzip.

    With ``one_build`` a file that mixes genome builds is not refused: the samples of the build that most samples
    have are kept, the others are left out and named in a warning.

    Raises
    ------
    GenomicsError
        Not a readable table; a required column is missing; build unknown to us or mixed; a row without sample;
        no variant classification that we know.
    """
    return parse_maf(path, read_text(path), one_build=one_build)


def parse_maf(path: Path, text: str, *, one_build: bool = False) -> MafTable:
    """Do as :func:`read_maf_table` with text that was read before."""
    comments, header = _header(path, text)
    frame = _used_columns(path, text, comments, header)
    _check_samples(path, frame, len(comments))
    dropped = _other_builds(path, frame) if one_build else frozenset()
    table = _table(path, frame[~frame["Tumor_Sample_Barcode"].isin(dropped)], _sequenced(comments))
    if not dropped:
        return table
    shown = ", ".join(sorted(dropped)[:3]) + (", ..." if len(dropped) > 3 else "")
    message = f"{path.name}: genome builds are mixed; {len(dropped)} samples not on {table.genome_build} are left out"
    samples = tuple(name for name in table.samples if name not in dropped)
    warning = Reason("mixed_builds", f"{message} ({shown})", GENOMICS)
    return replace(table, samples=samples, warnings=(*table.warnings, warning), other_build=dropped)


def read_maf_cells(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns that are used, as they stand in the file, and the samples that its comments list as sequenced."""
    text = read_text(path)
    comments, header = _header(path, text)
    return _used_columns(path, text, comments, header), tuple(_sequenced(comments))


def _other_builds(path: Path, frame: pd.DataFrame) -> frozenset[str]:
    """Samples with rows on another genome build than the one that most samples have."""
    cells = _cells(frame, "NCBI_Build")
    build = cells.map({cell: build_of_cells([cell], source=path) for cell in cells.unique()})
    stated = pd.DataFrame({"sample": frame["Tumor_Sample_Barcode"], "build": build})[build != ""].drop_duplicates()
    if stated["build"].nunique() < 2:
        return frozenset()
    main = stated["build"].value_counts().index[0]
    return frozenset(stated.loc[stated["build"] != main, "sample"])


def _header(path: Path, text: str) -> tuple[list[str], list[str]]:
    comments: list[str] = []
    start = 0
    while text.startswith(("#", "\n"), start):  # blank lines before the header count as comments
        end = text.find("\n", start)
        comments.append(text[start : end if end >= 0 else len(text)])
        start = end + 1 if end >= 0 else len(text)
    if start >= len(text):
        raise GenomicsError(path, "has comments only", expected="a header line", remedy="export the MAF again")
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    names = [_canonical(cell) for cell in line.rstrip("\t").split("\t")]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        hint = separator_hint(line)
        if missing == ["Hugo_Symbol"] and "entrez_gene_id" in map(str.lower, names):
            hint = "Entrez ids alone cannot be used, add the symbols; "
        raise GenomicsError(
            path,
            f"required column {' and '.join(missing)} missing",
            expected="a tab-separated MAF with " + ", ".join(_REQUIRED),
            remedy=hint + "export it as MAF",
        )
    return comments, names


def _canonical(cell: str) -> str:
    name = cell.strip().strip('"')
    standard = {column.lower(): column for column in _USED}
    return standard.get(name.lower()) or _OTHER_NAMES.get(name.lower()) or name


def _sequenced(comments: Sequence[str]) -> list[str]:
    named: list[str] = []
    for line in comments:
        key, _, rest = line.lstrip("#").partition(":")
        if key.strip().lower() == "sequenced_samples":
            named.extend(rest.split())
    return named


def _used_columns(path: Path, text: str, comments: Sequence[str], names: list[str]) -> pd.DataFrame:
    unique = [name if names.index(name) == i else f"{name}.{i}" for i, name in enumerate(names)]
    frame = read_table(path, text, skip=len(comments), columns=unique)
    frame = frame[[name for name in _USED if name in unique]]
    return pd.DataFrame({name: frame[name].fillna("").str.strip(' "') for name in frame})


def _table(path: Path, frame: pd.DataFrame, sequenced: Sequence[str]) -> MafTable:
    build = build_of_cells(_cells(frame, "NCBI_Build").unique(), source=path)
    warnings = [unknown_build(path)] if not build and len(frame) else []
    samples = tuple(dict.fromkeys([*frame["Tumor_Sample_Barcode"], *sequenced]))
    somatic = _cells(frame, "Mutation_Status").str.lower().isin(_SOMATIC)
    passed = _cells(frame, "FILTER").str.lower().isin(_PASSED)
    kept = frame[somatic & passed]
    _check_filter(path, frame[somatic], len(kept))
    if len(frame) and not len(kept):
        message = f"{path.name}: all {len(frame)} rows are marked as germline (Mutation_Status)"
        warnings.append(Reason("germline_only", message, GENOMICS))
    rows = _rows(path, kept, warnings)
    _check_genes(path, rows)
    # A spreadsheet writes the position 7577120 as 7577120.0.
    identity = rows[["sample", "gene", "chrom", "ref", "alt", "protein_change", "coding_change"]]
    identity = identity.assign(pos=rows["pos"].str.removesuffix(".0"))
    # Without position and change two rows may be two mutations; they are then not merged.
    blank = (rows["pos"] == "") & (rows["protein_change"] == "") & (rows["coding_change"] == "")
    rows = rows[~identity.duplicated() | blank].drop(columns=["ref", "alt", "coding_change"]).reset_index(drop=True)
    positions = pd.to_numeric(rows["pos"], errors="coerce")
    rows["pos"] = positions.where(positions.between(1, 1e9))
    return MafTable(rows, samples, build, len(frame) - len(rows), tuple(warnings))


def _check_filter(path: Path, somatic: pd.DataFrame, n_kept: int) -> None:
    """Refuse a file none of whose rows passes: more often another vocabulary than a tumour without mutations."""
    if not len(somatic) or n_kept:
        return
    raise GenomicsError(
        path,
        f"none of {len(somatic)} somatic rows passes FILTER (found {somatic['FILTER'].iloc[0]!r})",
        expected="PASS, or a blank, in the rows that count",
        remedy="keep the rows that count and write PASS, or remove the column FILTER",
    )


def _check_genes(path: Path, rows: pd.DataFrame) -> None:
    """Refuse Entrez ids in place of symbols: each gene would silently count as wild type."""
    symbols = rows.loc[rows["consequence"] != NON_CODING, "symbol"]
    if len(symbols) and symbols.str.fullmatch(r"[0-9]+").all():
        raise GenomicsError(
            path,
            f"Hugo_Symbol holds numbers ({symbols.iloc[0]}), not gene symbols",
            expected="symbols such as BRAF, or Ensembl gene ids",
            remedy="put the symbols into Hugo_Symbol",
        )


def _check_samples(path: Path, frame: pd.DataFrame, n_comments: int) -> None:
    nameless = np.flatnonzero(frame["Tumor_Sample_Barcode"] == "")
    if len(nameless):
        raise GenomicsError(
            path,
            f"{len(nameless)} of {len(frame)} rows have no Tumor_Sample_Barcode, the first in line "
            f"{nameless[0] + n_comments + 2}",
            expected="complete rows with a barcode",
            remedy="copy or export the file again",
        )


def _rows(path: Path, frame: pd.DataFrame, warnings: list[Reason]) -> pd.DataFrame:
    symbols = frame["Hugo_Symbol"]
    resolved = {symbol: resolve_symbol(symbol) for symbol in symbols.unique()}
    return pd.DataFrame(
        {
            "sample": frame["Tumor_Sample_Barcode"],
            "symbol": symbols,
            "gene": symbols.map(resolved),
            "consequence": _consequences(path, frame["Variant_Classification"], warnings),
            "protein_change": _first_filled(frame, "HGVSp_Short", "HGVSp"),
            "chrom": _cells(frame, "Chromosome").str.removeprefix("chr"),
            "pos": _cells(frame, "Start_Position"),
            "ref": _cells(frame, "Reference_Allele"),
            "alt": _cells(frame, "Tumor_Seq_Allele2"),
            "coding_change": _cells(frame, "HGVSc"),
            "vaf": _allele_fraction(frame),
        }
    )


def _consequences(path: Path, words: "pd.Series[str]", warnings: list[Reason]) -> "pd.Series[str]":
    classes = {word: classify_maf(word) for word in words.unique()}
    unknown = [word for word, name in classes.items() if name is None]
    if unknown and len(unknown) == len(classes):
        raise GenomicsError(
            path,
            f"no Variant_Classification is known (found {unknown[0]!r})",
            expected="MAF classes such as Missense_Mutation and Silent",
            remedy="export it as MAF",
        )
    if unknown:
        count = int(words.isin(unknown).sum())
        message = f"{path.name}: {count} rows with an unknown Variant_Classification ({unknown[0]!r}) are left out"
        warnings.append(Reason("unknown_classification", message, GENOMICS))
    return words.map({word: name or NON_CODING for word, name in classes.items()})


def unknown_genes(path: Path, rows: pd.DataFrame) -> tuple[Reason, ...]:
    """The warning for names that are not those of a coding gene, when they are many or spreadsheet dates."""
    symbols = rows.loc[rows["consequence"] != NON_CODING, "symbol"]
    unknown = {symbol for symbol in symbols.unique() if not is_known(symbol)}
    dates = sorted(symbol for symbol in unknown if _is_date(symbol))
    count = int(symbols.isin(unknown).sum())
    if not dates and count <= max(_FEW_UNKNOWN, _MANY_UNKNOWN * len(symbols)) and 2 * count < max(len(symbols), 1):
        return ()
    shown = ", ".join((dates + sorted(unknown - set(dates)))[:3])
    cause = ", some turned into dates by a spreadsheet" if dates else ""
    message = f"{path.name}: {count} of {len(symbols)} rows name no known gene ({shown}){cause}"
    return (Reason("unknown_genes", message, GENOMICS),)


def _is_date(symbol: str) -> bool:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", symbol):
        return True
    day, _, month = symbol.partition("-")
    months = ("mar", "sep", "dec", "feb", "oct", "apr", "nov")
    return (day.isdigit() and month.lower()[:3] in months) or (month.isdigit() and day.lower()[:3] in months)


def _cells(frame: pd.DataFrame, name: str) -> "pd.Series[str]":
    return frame[name] if name in frame else pd.Series("", index=frame.index, dtype=str)


def _first_filled(frame: pd.DataFrame, first: str, second: str) -> "pd.Series[str]":
    primary, other = _cells(frame, first), _cells(frame, second)
    filled = primary.where(~primary.str.lower().isin(_BLANK), other)
    return filled.map({text: _protein_change(text) for text in filled.unique()})


def _protein_change(text: str) -> str:
    """``p.V600E`` from ``V600E``, ``p.Val600Glu``, ``c.1799T>A_p.V600E`` and the like; "" from "NA"."""
    if text.lower() in _BLANK:
        return ""
    change = short_change(text.rpartition("_p.")[2] if "_p." in text else text)
    return change if change.startswith("p.") else f"p.{change}"


def _allele_fraction(frame: pd.DataFrame) -> "pd.Series[float]":
    alt = pd.to_numeric(_cells(frame, "t_alt_count"), errors="coerce")
    ref = pd.to_numeric(_cells(frame, "t_ref_count"), errors="coerce")
    depth = (alt + ref).fillna(pd.to_numeric(_cells(frame, "t_depth"), errors="coerce"))
    return (alt / depth.where(depth > 0)).clip(0, 1)
