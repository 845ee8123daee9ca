"""What is installed, which device, which weights, which bundles; and whether the app can run."""

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

from icicore.errors import IcicoreError
from icicore.settings import Settings
from icicore.types import Json
from icicore.workflows.services import build_services, bundle_folders, bundle_ref, promoted_name

_PACKAGES = ("streamlit", "torch", "torchvision", "openslide-python", "openslide-bin", "grad-cam", "captum", "plotly")
_OLDEST_OPENSLIDE = (4, 0, 1)
_LOW_DISK_GIB = 2.0


def diagnose(settings: Settings) -> Json:
    """Everything that ``icicore doctor`` shows. ``problems`` stop the app; ``warnings`` do not."""
    problems: list[str] = []
    warnings: list[str] = []
    versions = {name: _version(name) for name in _PACKAGES}
    problems += [f"{name} is not installed; run `make app`" for name, version in versions.items() if version is None]
    report: Json = {
        "schema": 1,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "versions": versions,
        "openslide": _openslide(problems),
        "device": _device(settings, warnings),
        "backbones": _backbones(settings, problems),
        "bundles": _bundles(settings, problems),
        "settings": {k: str(v) for k, v in _shown(settings).items()},
        "disk_free_gib": _disk(settings, problems, warnings),
    }
    if sys.platform not in ("linux", "darwin"):
        warnings.append("this platform is not supported; on Windows use WSL")
    return {**report, "problems": problems, "warnings": warnings, "ok": not problems}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _openslide(problems: list[str]) -> str | None:
    try:
        import openslide
    except ImportError as error:  # the message of openslide-python names the missing library
        problems.append(f"OpenSlide cannot be loaded ({error}); install openslide-bin")
        return None
    version = str(openslide.__library_version__)
    if tuple(int(p) for p in version.split(".")[:3]) < _OLDEST_OPENSLIDE:
        problems.append(f"OpenSlide {version} has known faults with crafted files; 4.0.1 or newer is needed")
    return version


def _device(settings: Settings, warnings: list[str]) -> Json:
    try:
        import torch
    except ImportError:
        return {"used": "none", "gpus": []}
    gpus = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    if settings.device.startswith("cuda") and not gpus:
        warnings.append(f"ICICORE_DEVICE is {settings.device} but no GPU is usable; the CPU is used")
    used = "cuda:0" if gpus and settings.device != "cpu" else "cpu"
    return {"used": used, "gpus": gpus, **_precision(settings, warnings)}


def _precision(settings: Settings, warnings: list[str]) -> Json:
    """Precision of embeddings: what is used for new bags, and what this machine could run."""
    from icicore.embeddings.precision import AUTO, FP32, obstacle, usable

    used = FP32 if settings.precision == AUTO else settings.precision
    if reason := obstacle(used):
        warnings.append(f"ICICORE_PRECISION is {used}, but {reason}; unset it")
    return {"precision": used, "precisions": list(usable())}


def _backbones(settings: Settings, problems: list[str]) -> list[Json]:
    from icicore.embeddings.backbones import backbones

    listed = [
        {"name": b.name, "available": b.available, "detail": b.detail}
        for b in backbones(weights_dir=settings.weights_dir)
    ]
    if not any(entry["available"] for entry in listed):
        problems.append("no backbone has its weights on this machine; run `make app`")
    return listed


def list_bundles(settings: Settings) -> list[Json]:
    """One row per bundle that can be read; the promoted one is marked."""
    promoted = _promoted(settings)
    folders = bundle_folders(settings)
    refs = [bundle_ref(folder.parent, name) for name, folder in sorted(folders.items())]
    return [
        {
            "name": ref.name,
            "digest": ref.digest,
            "promoted": ref.name == promoted,
            "virtual": bool(ref.spec.get("virtual")),
            "backbone": ref.spec.get("backbone"),
        }
        for ref in refs
    ]


def _promoted(settings: Settings) -> str:
    """Name of the promoted bundle; a home folder that nobody has used yet is left alone."""
    if not settings.home.is_dir():
        return promoted_name(settings.checkpoints)
    services = build_services(settings)
    try:
        return services.bundle_ref().name
    finally:
        services.database.close()


def _bundles(settings: Settings, problems: list[str]) -> list[Json]:
    try:
        return list_bundles(settings)
    except IcicoreError as error:
        problems.append(str(error))
        return []


def _shown(settings: Settings) -> dict[str, object]:
    return {
        "home": settings.home,
        "roots": os.pathsep.join(map(str, settings.roots)),
        "weights_dir": settings.weights_dir or "",
        "database": settings.database_url.split("@")[-1],  # never the password
        "queue": settings.queue_url.split("@")[-1],
        "checkpoints": settings.checkpoints,
        "user": settings.user,
    }


def _disk(settings: Settings, problems: list[str], warnings: list[str]) -> float | None:
    folder = next((p for p in (settings.home, *settings.home.parents) if p.exists()), Path("/"))
    if not os.access(folder, os.W_OK):
        problems.append(f"{settings.home} cannot be written; set ICICORE_HOME to a folder of yours")
        return None
    free = shutil.disk_usage(folder).free / 2**30
    if free < _LOW_DISK_GIB:
        warnings.append(f"only {free:.1f} GiB are free under {settings.home}")
    return round(free, 1)
