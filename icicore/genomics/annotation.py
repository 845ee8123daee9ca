"""What VEP (INFO/CSQ) and SnpEff (INFO/ANN) wrote about each allele, and the one transcript that counts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from icicore.errors import GenomicsError
from icicore.genomics.consequences import severity

_THREE_TO_ONE = {
    **{"Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G", "His": "H"},
    **{"Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W"},
    **{"Tyr": "Y", "Val": "V", "Sec": "U", "Ter": "*"},
}
_RESIDUE = re.compile("|".join(_THREE_TO_ONE))


@dataclass(frozen=True)
class Effect:
    """The effect of an allele on one transcript; ``terms`` are Sequence Ontology terms joined by "&"."""

    gene: str
    terms: str
    protein_change: str


@dataclass(frozen=True)
class Annotator:
    """Reads one kind of annotation.

    Among the annotations of an allele, the transcript that the annotator picked (VEP ``PICK``) counts; without
    a pick the most severe on canonical and matched (MANE_SELECT) transcripts; without those the most severe of all.

    ``key`` is the INFO field, ``fields`` the lower-case names of its parts in order.
    """

    key: str
    fields: tuple[str, ...]

    def effect(self, text: str, *, ref: str, alt: str, only: bool) -> Effect | None:
        """The effect of the allele, None when the field says nothing of it.

        ``only`` says that the record has a single alternate allele, to which all annotations then belong.
        """
        entries = [dict(zip(self.fields, item.split("|"), strict=False)) for item in text.split(",") if item]
        own = entries if only else [entry for entry in entries if _same_allele(entry.get("allele", ""), ref, alt)]
        own = [entry for entry in own if self._gene(entry)]
        if not own:
            return None
        picked = [entry for entry in own if entry.get("pick") == "1"]
        canonical = [e for e in own if e.get("canonical") == "YES" or e.get("mane_select")]
        best = min(picked or canonical or own, key=lambda entry: severity(self._terms(entry)))
        return Effect(self._gene(best), self._terms(best), short_change(best.get("hgvsp") or best.get("hgvs.p") or ""))

    def absent(self, path: Path) -> GenomicsError:
        """The error for a file whose header declares the annotation while no record has it."""
        return _unannotated(path, f"the header declares {self.key} but no record carries it")

    @staticmethod
    def _gene(entry: dict[str, str]) -> str:
        return entry.get("symbol") or entry.get("gene_name") or entry.get("gene") or ""

    @staticmethod
    def _terms(entry: dict[str, str]) -> str:
        return entry.get("consequence") or entry.get("annotation") or ""


def find_annotator(path: Path, header: Sequence[str]) -> Annotator:
    """The annotation that the header lines declare.

    Raises
    ------
    GenomicsError
        The file is not annotated.
    """
    for key in ("CSQ", "ANN"):
        line = next((line for line in header if line.startswith(f"##INFO=<ID={key},")), None)
        if line is None:
            continue
        listed = re.search(r"(?:Format:|annotations:)\s*'?([^\"'>]+)", line, re.IGNORECASE)
        if listed is None or "|" not in listed[1]:
            raise _unannotated(path, f"the header does not list the fields of {key}")
        return Annotator(key, tuple(field.strip().lower() for field in listed[1].split("|")))
    raise _unannotated(path, "the VCF is not annotated with genes and consequences")


def short_change(text: str) -> str:
    """Protein change in one-letter code without transcript: ``ENSP1:p.Val600Glu`` to ``p.V600E``."""
    return _RESIDUE.sub(lambda match: _THREE_TO_ONE[match.group()], unquote(text).rpartition(":")[2])


def _same_allele(named: str, ref: str, alt: str) -> bool:
    # VEP drops the base that reference and indel share; SnpEff writes the full allele, "G-C" for a change against C.
    trimmed = alt[1:] or "-" if ref[:1] == alt[:1] and len(ref) != len(alt) else alt
    return named.split("-")[0] == alt if len(named) > 1 and "-" in named else named in (alt, trimmed)


def _unannotated(path: Path, problem: str) -> GenomicsError:
    return GenomicsError(
        path,
        problem,
        expected="VEP (INFO/CSQ) or SnpEff (INFO/ANN)",
        remedy="annotate it with one of them or give a MAF",
    )
