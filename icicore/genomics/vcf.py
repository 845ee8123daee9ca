"""Annotated VCF files: somatic, passed, protein-changing variants of the tumour sample."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from icicore.domain import GENOMICS, Reason
from icicore.errors import GenomicsError
from icicore.genomics.annotation import Annotator, find_annotator
from icicore.genomics.builds import build_of_length, build_of_text, only_build, unknown_build
from icicore.genomics.consequences import NON_SYNONYMOUS, SILENT, classify_ontology
from icicore.genomics.panel import resolve_symbol
from icicore.genomics.records import Mutation
from icicore.genomics.samples import choose_sample

_FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
_TUMOUR_WORDS = ("tumor", "tumour", "somatic", "metasta", "primary")
_NORMAL_WORDS = ("normal", "germline", "blood", "pbmc", "control")
# VarScan's INFO/SS: 0 reference, 1 germline, 2 somatic, 3 loss of heterozygosity, 5 unknown.
_NOT_SOMATIC = frozenset({"0", "1", "3"})


@dataclass(frozen=True)
class VcfCalls:
    """What one tumour sample of a VCF holds; ``n_records`` counts its passed somatic alleles."""

    mutations: tuple[Mutation, ...]
    n_synonymous: int
    n_records: int
    genome_build: str
    sample: str
    warnings: tuple[Reason, ...]


@dataclass(frozen=True)
class _Header:
    lines: tuple[str, ...]
    samples: tuple[str, ...]
    n_lines: int


@dataclass(frozen=True)
class _Call:
    """One alternate allele that the tumour carries."""

    chrom: str
    pos: int
    ref: str
    alt: str
    n_alts: int
    info: Mapping[str, str]
    vaf: float | None


def parse_vcf(path: Path, text: str, *, case_id: str | None = None, sample_barcode: str | None = None) -> VcfCalls:
    """Read the text of a VCF file.

    Only records with FILTER ``PASS`` or ``.`` count, and only alleles that the tumour carries and the matched
    normal does not. One transcript annotates each allele, see :class:`icicore.genomics.annotation.Annotator`.

    Raises
    ------
    GenomicsError
        Not a VCF, no annotation, wrong build, tumour sample unclear or another patient's, a broken record.
    """
    header = _read_header(path, text)
    annotator = find_annotator(path, header.lines)
    build = _build(path, header.lines)
    sample = _tumour(path, header, case_id=case_id, sample_barcode=sample_barcode)
    seen = Counter[str]()
    calls = list(_calls(path, text, header, sample, seen))
    if seen and not any(map(passed, seen)):
        found, total = next(iter(seen)), sum(seen.values())
        raise GenomicsError(
            path,
            f"none of {total} records passes FILTER (found {found!r})",
            expected="PASS or . in the records that count",
            remedy="run the filter of the caller, or keep the records that count and write PASS",
        )
    bare = sum(annotator.key not in call.info for call in calls)
    if calls and bare == len(calls):
        raise annotator.absent(path)
    mutations, n_synonymous = _annotated(calls, annotator)
    warnings = () if build else (unknown_build(path),)
    if bare:
        message = f"{path.name}: {bare} of {len(calls)} somatic alleles carry no {annotator.key} and are not counted"
        warnings = (*warnings, Reason("not_annotated", message, GENOMICS))
    return VcfCalls(tuple(dict.fromkeys(mutations)), n_synonymous, len(calls), build, sample, warnings)


def _read_header(path: Path, text: str) -> _Header:
    if not text.startswith("##fileformat=VCF"):
        raise GenomicsError(
            path, "does not begin with ##fileformat=VCF", expected="a VCF file", remedy="export it again or give a MAF"
        )
    lines: list[str] = []
    start = 0
    while text.startswith("##", start):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        lines.append(text[start:end])
        start = end + 1
    columns = text[start : text.find("\n", start) if "\n" in text[start:] else len(text)].rstrip().split("\t")
    if tuple(columns[: len(_FIXED)]) != _FIXED:
        raise GenomicsError(
            path,
            f"line {len(lines) + 1} is not the VCF column header",
            expected="#CHROM POS ID REF ALT QUAL FILTER INFO, separated by tabs",
            remedy="export it again",
        )
    return _Header(tuple(lines), tuple(columns[len(_FIXED) + 1 :]), len(lines) + 1)


def _build(path: Path, lines: Sequence[str]) -> str:
    found = set()
    for line in lines:
        key = line[2:].partition("=")[0].lower()
        if key == "contig" and "length=" in line:
            length = re.search(r"length=([0-9]{1,12})", line)
            found.add(build_of_length(int(length[1])) if length else None)
        if key in ("reference", "vep", "snpeffcmd", "assembly", "genome_build", "contig", "tumor_build"):
            # The path of a reference may hold the names of folders; only its last part and the assembly count.
            parts = line.split("/") if key == "reference" else [line]
            found.add(next(filter(None, (build_of_text(part, source=path) for part in reversed(parts))), None))
    return only_build({build for build in found if build}, source=path)


def _tumour(path: Path, header: _Header, *, case_id: str | None, sample_barcode: str | None) -> str:
    samples = header.samples
    if not samples:
        return sample_barcode or ""
    if sample_barcode is None and len(samples) > 1:
        named = _stated(header.lines, "tumor_sample")
        normal = _stated(header.lines, "normal_sample")
        tumours = [name for name in samples if name in named] or [
            name for name in samples if _says(name, _TUMOUR_WORDS)
        ]
        others = [name for name in samples if name not in normal and not _says(name, _NORMAL_WORDS)]
        candidates = tumours or others or list(samples)
    else:
        candidates = list(samples)
    return choose_sample(candidates, source=path, case_id=case_id, sample_barcode=sample_barcode)


def _stated(lines: Sequence[str], key: str) -> set[str]:
    return {line.partition("=")[2].strip() for line in lines if line.startswith(f"##{key}=")}


def _says(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def passed(cell: str) -> bool:
    """Whether a FILTER cell lets its record count."""
    return cell in ("PASS", ".", "")


def _calls(path: Path, text: str, header: _Header, sample: str, seen: Counter[str]) -> Iterator[_Call]:
    """Alleles of the tumour in the passed records; ``seen`` counts the FILTER cells of all records."""
    width = len(_FIXED) + (1 + len(header.samples) if header.samples else 0)
    column = header.samples.index(sample) + len(_FIXED) + 1 if sample in header.samples else None
    normals = [
        len(_FIXED) + 1 + i
        for i, name in enumerate(header.samples)
        if name != sample and (len(header.samples) == 2 or _says(name, _NORMAL_WORDS))
    ]
    for number, line in enumerate(text.split("\n")[header.n_lines :], header.n_lines + 1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) < width or not _is_count(cells[1]):
            raise GenomicsError(
                path,
                f"line {number} is broken ({len(cells)} columns)",
                expected=f"{width} tab-separated columns with a position",
                remedy="copy or export the file again",
            )
        seen[cells[6]] += 1
        if passed(cells[6]):
            yield from _alleles(cells, column, normals)


def _alleles(cells: Sequence[str], column: int | None, normals: Sequence[int]) -> Iterator[_Call]:
    info = dict(_pair(item) for item in cells[7].split(";"))
    if info.get("SS", "").partition("/")[0] in _NOT_SOMATIC:
        return
    alts = cells[4].split(",")
    tumour = _sample(cells, column)
    inherited = {allele for normal in normals for allele in _genotype(_sample(cells, normal)) or ()}
    carried = _genotype(tumour)
    for index, alt in enumerate(alts, 1):
        if alt in (".", "*", "<NON_REF>") or index in inherited or (carried is not None and index not in carried):
            continue
        chrom = cells[0].removeprefix("chr")
        yield _Call(chrom, int(cells[1]), cells[3], alt, len(alts), info, _fraction(tumour, index))


def _pair(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return key, value


def _sample(cells: Sequence[str], column: int | None) -> dict[str, str]:
    return {} if column is None else dict(zip(cells[8].split(":"), cells[column].split(":"), strict=False))


def _genotype(sample: Mapping[str, str]) -> set[int] | None:
    """Alleles in the genotype, None when there is no genotype."""
    text = sample.get("GT", ".").replace("|", "/")
    alleles = {int(part) for part in text.split("/") if _is_count(part)}
    return alleles or None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12


def _fraction(sample: Mapping[str, str], index: int) -> float | None:
    """Fraction of tumour reads with the allele: from AD (reference first), else AF, FA or FREQ."""
    depths = sample.get("AD", "").split(",")
    if len(depths) > index and all(map(_is_count, depths)):
        total = sum(map(int, depths))
        return int(depths[index]) / total if total else None
    for key in ("AF", "FA", "FREQ"):
        values = sample.get(key, "").split(",")
        text = values[min(index, len(values)) - 1]
        percent = text.endswith("%")
        try:
            value = float(text.rstrip("%")) / (100 if percent else 1)
        except ValueError:
            continue
        return value if 0 <= value <= 1 else None
    return None


def _annotated(calls: Sequence[_Call], annotator: Annotator) -> tuple[list[Mutation], int]:
    mutations: list[Mutation] = []
    n_synonymous = 0
    for call in calls:
        effect = annotator.effect(call.info.get(annotator.key, ""), ref=call.ref, alt=call.alt, only=call.n_alts == 1)
        if effect is None:
            continue
        consequence = classify_ontology(effect.terms, length_change=len(call.alt) - len(call.ref))
        n_synonymous += consequence == SILENT
        if consequence in NON_SYNONYMOUS:
            gene = resolve_symbol(effect.gene)
            mutations.append(Mutation(gene, consequence, effect.protein_change, call.vaf, call.chrom, call.pos))
    return mutations, n_synonymous
