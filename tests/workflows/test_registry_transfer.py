"""A bundle as one file: what was exported comes back, and nothing else gets in."""

import json
import stat
import zipfile
from pathlib import Path

import pytest

from icicore.errors import BundleError
from icicore.fingerprint import file_digest
from icicore.models.bundle import load_bundle
from icicore.workflows import registry_transfer
from icicore.workflows.registry_entries import find_registered, list_registry
from icicore.workflows.registry_transfer import MANIFEST, export_bundle, import_bundle
from tests.factories import make_bundle
from tests.workflows.registry_world import build_world


@pytest.fixture
def services(tmp_path):
    built = build_world(tmp_path / "here")
    yield built
    built.database.close()


@pytest.fixture
def exported(tmp_path) -> Path:
    """A bundle of another installation."""
    there = build_world(tmp_path / "there")
    make_bundle(tmp_path / "there" / "checkpoints" / "other-virtual", members=2, name="other-virtual")
    file = export_bundle(there, "other-virtual", tmp_path / "other.bundle.zip")
    there.database.close()
    return file


def rewritten(file: Path, change) -> Path:
    """The same archive with its entries, a list of (ZipInfo, bytes), changed."""
    with zipfile.ZipFile(file) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in change(entries):
            archive.writestr(entry, content)
    return file


def added(name: str, content: bytes = b"x", mode: int = stat.S_IFREG | 0o644):
    def change(entries):
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        return [*entries, (entry, content)]

    return change


def replaced(name: str, content: bytes):
    return lambda entries: [(e, content if e.filename == name else old) for e, old in entries]


def manifest_with(**changes):
    def change(entries):
        content = {e.filename: old for e, old in entries}[MANIFEST]
        return replaced(MANIFEST, json.dumps(json.loads(content) | changes).encode())(entries)

    return change


def linked(entries):
    for entry, _ in entries:
        if entry.filename == "card.md":
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entries


def test_what_was_exported_comes_back_as_a_candidate(services, exported, tmp_path):
    row = import_bundle(services, exported)
    assert (row.name, row.state, row.reason) == ("other-virtual", "candidate", "imported from other.bundle.zip")
    before = load_bundle(tmp_path / "there" / "checkpoints" / "other-virtual")
    assert load_bundle(find_registered(services, "other-virtual").ref.folder).digest == before.digest == row.digest
    again = export_bundle(services, "other-virtual", tmp_path / "again.bundle.zip")
    assert file_digest(again) == file_digest(exported)


def test_the_same_bundle_is_not_imported_twice_and_names_stay_apart(services, exported, tmp_path):
    import_bundle(services, exported)
    with pytest.raises(BundleError, match="is here already, as other-virtual"):
        import_bundle(services, exported, name="twin")
    there = build_world(tmp_path / "third")
    make_bundle(tmp_path / "third" / "checkpoints" / "other-virtual", members=3, name="other-virtual")
    file = export_bundle(there, "other-virtual", tmp_path / "third.bundle.zip")
    there.database.close()
    with pytest.raises(BundleError, match="another bundle is named other-virtual; give this one another name"):
        import_bundle(services, file)
    assert import_bundle(services, file, name="third-virtual").name == "third-virtual"


REFUSED = {
    "path traversal": (added("../outside.json"), "which is no file of a bundle"),
    "absolute path": (added("/etc/cron.d/x"), "which is no file of a bundle"),
    "a folder": (added("sub/bundle.json"), "which is no file of a bundle"),
    "a pickle": (added("weights.pt"), "which is no file of a bundle"),
    "a comparison from elsewhere": (added("comparison.json"), "which is no file of a bundle"),
    "a link": (linked, "is a link or another special file"),
    "a name twice": (added("card.md"), "holds one name twice"),
    "a missing file": (lambda entries: [e for e in entries if e[0].filename != "card.md"], "lacks card.md"),
    "no manifest": (lambda entries: [e for e in entries if e[0].filename != MANIFEST], "lacks manifest.json"),
    "a foreign manifest": (manifest_with(format="other"), "is not that of a bundle"),
    "a manifest that is no JSON": (replaced(MANIFEST, b"\x00\x01"), "is not that of a bundle"),
    "a manifest that names other files": (manifest_with(files={"card.md": "0" * 64}), "names other files"),
    "another digest": (manifest_with(digest="0" * 64), "does not hold the bundle that it names"),
    "a name with a path": (manifest_with(name="../../x"), "cannot be used"),
    "changed weights": (replaced("weights.safetensors", b"\x80\x04pickle"), "does not fit its digest"),
    "a bomb": (replaced("card.md", b"a" * 900_000), "does not fit its digest"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", REFUSED)
def test_anything_else_is_refused_in_one_line_and_leaves_nothing(services, exported, kind):
    change, expected = REFUSED[kind]
    rewritten(exported, change)
    with pytest.raises(BundleError, match=expected) as refusal:
        import_bundle(services, exported)
    assert "\n" not in str(refusal.value)
    assert [one.row.name for one in list_registry(services)] == ["shipped-virtual"]
    assert list(services.settings.bundles_dir.iterdir()) == []


def test_a_file_that_unpacks_to_too_much_is_refused(services, exported, monkeypatch):
    monkeypatch.setitem(registry_transfer.LARGEST, ".md", 10_000)
    rewritten(exported, replaced("card.md", b"a" * 20_000))
    with pytest.raises(BundleError, match="'card.md' unpacks to 0 MiB"):
        import_bundle(services, exported)
    monkeypatch.setitem(registry_transfer.LARGEST, ".md", 100_000_000)
    rewritten(exported, replaced("card.md", b"a" * 90_000_000))
    with pytest.raises(BundleError, match="unpacks to far more than a bundle holds"):
        import_bundle(services, exported)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"not a zip at all"])
def test_a_file_that_is_no_archive(services, tmp_path, content):
    file = tmp_path / "x.bundle.zip"
    file.write_bytes(content)
    with pytest.raises(BundleError, match="x.bundle.zip: is damaged or no bundle"):
        import_bundle(services, file)
    with pytest.raises(BundleError, match="no such file"):
        import_bundle(services, tmp_path / "absent.zip")


def test_a_damaged_archive_is_told_in_one_line(services, exported):
    content = bytearray(exported.read_bytes())
    content[len(content) // 2] ^= 0xFF
    exported.write_bytes(content)
    with pytest.raises(BundleError):
        import_bundle(services, exported)
    assert list(services.settings.bundles_dir.iterdir()) == []
