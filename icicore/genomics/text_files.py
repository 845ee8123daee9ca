"""Reading a text file that a user gave us, plain or gzip, or saying in one line why it cannot be read."""

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from icicore.errors import GenomicsError

_GZIP_MAGIC = b"\x1f\x8b"
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "an Excel file (xls)",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF",
    b"BCF": "a binary VCF (BCF)",
}


def read_text(path: Path) -> str:
    """Whole file as text, gzip or not, with line feeds as line ends.

    Raises
    ------
    GenomicsError
        Missing, empty, truncated, binary, or text that is not UTF-8.
    """
    content = _expanded(path, _bytes(path))
    if not content.strip():
        raise GenomicsError(path, "the file is empty", expected="a table with a header", remedy="export it again")
    kind = next((name for magic, name in _FOREIGN.items() if content.startswith(magic)), None)
    if kind is None and b"\0" in content[:65536]:
        kind = "UTF-16 text" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "a binary file"
    if kind is not None:
        raise GenomicsError(path, f"this is {kind}", expected="UTF-8 text", remedy="export it as tab-separated text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise GenomicsError(
            path,
            f"byte 0x{content[error.start]:02x} in line {line} is not UTF-8",
            expected="UTF-8 text",
            remedy="save the file with UTF-8 encoding",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise GenomicsError(path, "the file does not exist", remedy="check the path") from None
    except IsADirectoryError:
        raise GenomicsError(path, "this is a folder", expected="a file", remedy="name the file in it") from None
    except OSError as error:
        raise GenomicsError(path, f"cannot be read ({error.strerror})", remedy="check its permissions") from None


def _expanded(path: Path, content: bytes) -> bytes:
    if not content.startswith(_GZIP_MAGIC):
        if path.suffix == ".gz" and content:
            raise GenomicsError(
                path, "not gzip data despite its name", remedy="remove .gz from the name or compress it"
            )
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error):
        raise GenomicsError(
            path, "the gzip data are truncated or damaged", expected="a complete file", remedy="copy or export it again"
        ) from None


def read_table(path: Path, text: str, *, skip: int, columns: Sequence[str]) -> pd.DataFrame:
    """Tab-separated text as a frame of strings, quotes kept as they are, absent cells as NA.

    ``skip`` lines before the header are left out; ``columns`` are the names of the header, of which a row may
    hold fewer but not more.
    """
    first = next(iter(text.split("\n", skip + 2)[skip + 1 : skip + 2]), "")
    if first.count("\t") >= len(columns):
        raise _too_wide(path, f"line {skip + 2}", len(columns))
    try:
        return pd.read_csv(
            io.StringIO(text),
            sep="\t",
            header=None,
            names=list(columns),
            index_col=False,
            skiprows=skip + 1,
            dtype=str,
            quoting=3,
            keep_default_na=False,
            na_values=[],
            on_bad_lines="error",
            engine="c",
        )
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in columns})
    except pd.errors.ParserError as error:
        detail = str(error).strip().split("\n")[-1].removeprefix("Error tokenizing data. C error: ")
        raise _too_wide(path, detail, len(columns)) from None


def _too_wide(path: Path, where: str, n_columns: int) -> GenomicsError:
    return GenomicsError(
        path,
        f"a row has more columns than the header ({where})",
        expected=f"{n_columns} tab-separated columns in each row",
        remedy="export it again",
    )


def separator_hint(header: str) -> str:
    """What a header line without tabs seems to be separated by, as the begin of a remedy; "" where it has tabs."""
    if "\t" in header:
        return ""
    found = next((name for char, name in ((";", "semicolons"), (",", "commas"), (" ", "blanks")) if char in header), "")
    return f"it seems to be separated by {found}; " if found else ""
