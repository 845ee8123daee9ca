"""Settings, read once from ``ICICORE_*`` environment variables into a frozen object."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from icicore.errors import InputError

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Effective settings; ``icicore doctor`` shows them.

    Attributes
    ----------
    home : database, embedding cache, results, jobs, secret (``ICICORE_HOME``, default ``~/.icicore``)
    roots : folders from which slides and cases may be opened (``ICICORE_ROOTS``, separated by the
        platform's path separator; default the demonstration folder and the current one)
    weights_dir : local backbone weights, tried first (``ICICORE_WEIGHTS_DIR``)
    database_url : any SQLAlchemy URL (``ICICORE_DATABASE_URL``, default SQLite in ``home``)
    queue_url : huey storage, ``redis://...`` for several hosts (``ICICORE_QUEUE_URL``, default SQLite in ``home``)
    device : ``auto``, ``cpu``, ``cuda:0`` ... (``ICICORE_DEVICE``)
    precision : of embeddings, ``fp32``, ``bf16`` or ``int8`` (``ICICORE_PRECISION``); ``auto``: that of the bundle, and
        fp32 without one
    checkpoints : folder of model bundles (``ICICORE_CHECKPOINTS``, default ``checkpoints/`` of the project)
    user : name under which reviews are signed (``ICICORE_USER``, default the account of the operating system)
    """

    home: Path
    roots: tuple[Path, ...]
    weights_dir: Path | None
    database_url: str
    queue_url: str
    device: str
    precision: str
    checkpoints: Path
    user: str = ""

    @property
    def demo_dir(self) -> Path:
        """Folder of the demonstration cases."""
        return self.home / "demo"

    @property
    def cases_dir(self) -> Path:
        """Folder of cases that were made from the patients of a study."""
        return self.home / "cases"

    @property
    def openable(self) -> tuple[Path, ...]:
        """Folders from which cases may be opened: the roots, and the cases that this program wrote itself."""
        return (*self.roots, self.cases_dir)

    @property
    def embeddings_dir(self) -> Path:
        """Folder of the embedding cache."""
        return self.home / "embeddings"

    @property
    def studies_dir(self) -> Path:
        """Folder of imported studies."""
        return self.home / "studies"

    @property
    def bundles_dir(self) -> Path:
        """Folder of the bundles that were trained or imported here."""
        return self.home / "bundles"

    @property
    def results_dir(self) -> Path:
        """Folder of predictions and explanations, one per case and bundle."""
        return self.home / "results"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment, with a default for each."""
    env = os.environ if environ is None else environ

    def get(name: str, default: str) -> str:
        return env.get(f"ICICORE_{name}", "").strip() or default

    home = Path(get("HOME", "~/.icicore")).expanduser().absolute()
    device, precision = get("DEVICE", "auto"), get("PRECISION", "auto")
    if precision not in ("auto", "fp32", "bf16", "int8"):
        raise InputError(
            "ICICORE_PRECISION",
            f"{precision!r} is not a precision",
            expected="auto, fp32, bf16 or int8",
            remedy="correct or unset it",
        )
    roots = get("ROOTS", os.pathsep.join((str(home / "demo"), str(Path.cwd()))))
    weights = get("WEIGHTS_DIR", "")
    return Settings(
        home=home,
        roots=tuple(Path(r).expanduser().absolute() for r in roots.split(os.pathsep) if r),
        weights_dir=Path(weights).expanduser().absolute() if weights else None,
        database_url=get("DATABASE_URL", f"sqlite:///{home / 'icicore.db'}"),
        queue_url=get("QUEUE_URL", f"sqlite:///{home / 'queue.db'}"),
        device=device,
        precision=precision,
        checkpoints=Path(get("CHECKPOINTS", str(PROJECT / "checkpoints"))).expanduser().absolute(),
        user=get("USER", ""),
    )
