"""Bundles as one file: a zip that holds safetensors, JSON and the card, and nothing else.

An import trusts nothing in the file: names come from a fixed list, sizes are counted while reading, every digest is
checked, and the bundle appears in its folder whole or not at all.
"""

import json
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from icicore.access import Person, Role, require
from icicore.errors import BundleError
from icicore.fingerprint import atomic_path, file_digest
from icicore.models.bundle_files import CARD, DRIFT, NEEDED, OPTIONAL, TILES, check_files, check_safetensors
from icicore.people import local_person
from icicore.store.registry import BundleRow
from icicore.types import Json
from icicore.workflows.registry import register_candidate
from icicore.workflows.registry_entries import find_registered, list_registry
from icicore.workflows.services import Services, bundle_folders

MANIFEST = "manifest.json"
FORMAT = "icicore-bundle-1"
SUFFIX = ".bundle.zip"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MIB = 2**20
LARGEST = {".safetensors": 2048 * _MIB, ".json": 64 * _MIB, ".md": 1 * _MIB}
"""Largest unpacked size of an entry, in bytes, by its ending."""
_SHRINKS = 200
"""A file that unpacks to more than so many times its size was made to fill the disk."""
_CHUNK = 1 * _MIB
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What reading a damaged, encrypted or foreign archive raises."""


def export_bundle(services: Services, name: str, out: Path) -> Path:
    """Write a bundle as one file.

    Raises
    ------
    BundleError
        there is no such bundle, or its files are not those that it was written with
    """
    listed = find_registered(services, name)
    if listed.ref is None:
        raise BundleError(name, f"cannot be exported: {listed.problem}", remedy="copy it back")
    folder = listed.ref.folder
    _, digest = check_files(folder)
    files = [f for f in (*NEEDED, *OPTIONAL) if (folder / f).is_file()]
    manifest = {
        "format": FORMAT,
        "name": name,
        "digest": digest,
        "files": {f: file_digest(folder / f) for f in files},
    }
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(MANIFEST), json.dumps(manifest, indent=1))
        for file in files:
            with (folder / file).open("rb") as source, archive.open(_entry(file), "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
    return out


def import_bundle(services: Services, file: Path, *, name: str | None = None, by: Person | None = None) -> BundleRow:
    """Read a bundle from one file into the folder of bundles; it becomes a candidate.

    Parameters
    ----------
    name : another name than the one it was exported under

    Raises
    ------
    NotPermitted
        not an administrator
    BundleError
        the file is no bundle, holds anything else, does not fit its digests, or its name is taken
    """
    require(by or local_person(services.settings), Role.ADMIN, "import a model")
    place = services.settings.bundles_dir
    place.mkdir(parents=True, exist_ok=True)
    with _opened(file) as archive:
        manifest = _manifest(file, archive)
        chosen = name or str(manifest["name"])
        if not NAME.fullmatch(chosen):
            raise BundleError(file, f"the name {chosen[:40]!r} cannot be used", remedy="give another with --name")
        with tempfile.TemporaryDirectory(dir=place, prefix=".import.") as scratch:
            folder = Path(scratch) / chosen
            folder.mkdir()
            for entry in archive.infolist():
                if entry.filename != MANIFEST:
                    _unpack(file, archive, entry, folder, str(manifest["files"].get(entry.filename)))
            _check(file, folder, manifest)
            _check_new(services, file, chosen, str(manifest["digest"]))
            folder.rename(place / chosen)
    return register_candidate(services, place / chosen, by=by, reason=f"imported from {file.name[:100]}")


def _entry(name: str) -> zipfile.ZipInfo:
    """An entry without the time and owner of the file, so that the same bundle gives the same file."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what is wrong with its structure is told in one line."""
    if not file.is_file():
        raise BundleError(file, "no such file", expected=f"a file from icicore bundle export, *{SUFFIX}")
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _DAMAGE as error:
        raise BundleError(
            file, f"is damaged or no bundle ({error})", expected="a file from icicore bundle export", remedy="copy anew"
        ) from None


def _manifest(file: Path, archive: zipfile.ZipFile) -> Json:
    """Check the entries by their names, kinds and sizes, then read the manifest."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    for entry in entries:
        _refuse_odd(file, entry)
    if len(set(names)) < len(names):
        raise BundleError(file, "holds one name twice", expected="each file once", remedy="export the bundle again")
    missing = sorted({MANIFEST, *NEEDED} - set(names))
    if missing:
        raise BundleError(file, f"lacks {missing[0]}", expected="a whole bundle", remedy="export the bundle again")
    packed = max(1, file.stat().st_size)
    if sum(entry.file_size for entry in entries) > _SHRINKS * packed:
        raise BundleError(file, "unpacks to far more than a bundle holds", remedy="export the bundle again")
    try:
        manifest = json.loads(archive.read(MANIFEST))
        fits = manifest["format"] == FORMAT and all(isinstance(manifest[k], str) for k in ("name", "digest"))
        listed = set(manifest["files"])
    except (ValueError, KeyError, TypeError):
        fits, listed, manifest = False, set(), {}
    if not fits:
        raise BundleError(file, f"{MANIFEST} is not that of a bundle", expected=FORMAT, remedy="export it again")
    if listed != set(names) - {MANIFEST}:
        raise BundleError(file, f"{MANIFEST} names other files than there are", remedy="export the bundle again")
    return dict(manifest)


def _refuse_odd(file: Path, entry: zipfile.ZipInfo) -> None:
    """Refuse an entry that is no plain, known, small enough file."""
    shown, mode = entry.filename[:60], entry.external_attr >> 16
    problem = ""
    if entry.filename not in (MANIFEST, *NEEDED, *OPTIONAL):
        problem = f"holds {shown!r}, which is no file of a bundle"
    elif mode and not stat.S_ISREG(mode):
        problem = f"{shown!r} is a link or another special file"
    elif entry.flag_bits & 0x1:
        problem = f"{shown!r} is encrypted"
    elif entry.file_size > LARGEST[Path(entry.filename).suffix]:
        problem = f"{shown!r} unpacks to {entry.file_size / _MIB:,.0f} MiB"
    if problem:
        raise BundleError(
            file, problem, expected="safetensors, JSON and card.md of one bundle", remedy="export the bundle again"
        )


def _unpack(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, digest: str) -> None:
    """Write one entry; what it says about its size is not believed."""
    target, left = folder / entry.filename, LARGEST[Path(entry.filename).suffix]
    with archive.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise BundleError(file, f"{entry.filename!r} unpacks to more than it says", remedy="export it again")
            out.write(chunk)
    if file_digest(target) != digest:
        raise BundleError(file, f"{entry.filename!r} does not fit its digest", remedy="copy or export it again")


def _check(file: Path, folder: Path, manifest: Json) -> None:
    """The files must be a bundle, and the one that the manifest names."""
    _, digest = check_files(folder)
    if digest != manifest["digest"]:
        raise BundleError(file, "does not hold the bundle that it names", expected="its digest", remedy="export again")
    for name in (DRIFT, TILES):
        if (folder / name).is_file():
            check_safetensors(folder / name)
    for path in folder.iterdir():
        try:
            text = path.read_text(encoding="utf-8") if path.suffix in (".json", ".md") else ""
            if path.suffix == ".json":
                json.loads(text)
        except ValueError:
            kind = "text" if path.name == CARD else "JSON"
            raise BundleError(file, f"{path.name!r} is not {kind} in UTF-8", remedy="export it again") from None


def _check_new(services: Services, file: Path, name: str, digest: str) -> None:
    same = next((one for one in list_registry(services) if one.row.digest == digest and one.ref is not None), None)
    if same is not None:
        raise BundleError(file, f"is here already, as {same.row.name}", remedy="use that one")
    if name in bundle_folders(services.settings) or (services.settings.bundles_dir / name).exists():
        raise BundleError(file, f"another bundle is named {name}", remedy="give this one another name with --name")
