"""Libraries that the browser loads are the published files, unmodified, each with its licence."""

import hashlib

from icicore.addresses import STATIC

VENDOR = STATIC / "vendor"
OSD, ANNOTORIOUS = "openseadragon-6.1.1/openseadragon.min", "annotorious-3.8.10/annotorious-openseadragon"
PUBLISHED = {
    f"{OSD}.js": "14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad",
    f"{ANNOTORIOUS}.js": "a188204775f8c680a1f341c5c5cfabc4083580e58982cc6f60fb671f8ae2cfdd",
    f"{ANNOTORIOUS}.css": "f0f69bd05ded15272cbd6fb3244b33c25ff39f226bd40cef3b84f9f32098b0ac",
}


def test_the_files_are_those_of_the_packages():
    there = {p.relative_to(VENDOR).as_posix() for p in VENDOR.rglob("*") if p.is_file() and p.name != "LICENSE"}
    assert there == set(PUBLISHED)
    for name, digest in PUBLISHED.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_every_library_comes_with_its_licence():
    for folder in VENDOR.iterdir():
        assert "Redistribution and use in source and binary forms" in (folder / "LICENSE").read_text(encoding="utf-8")
