"""What the use cases need: settings, database, bundles and encoders, built once per process and passed down.

Torch is imported only when a bundle or an encoder is really loaded, so that the app and cached predictions
start without it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from icicore.errors import BundleError
from icicore.fingerprint import fingerprint
from icicore.settings import Settings
from icicore.store.cases import CaseStore
from icicore.store.engine import Database
from icicore.store.jobs import JobStore
from icicore.store.registry import RegistryStore
from icicore.store.slides import SlideStore
from icicore.types import Json

if TYPE_CHECKING:
    from icicore.embeddings.encoder import TileEncoder
    from icicore.models.bundle import ModelBundle

PROMOTED = "promoted.json"


@dataclass(frozen=True)
class BundleRef:
    """A bundle on disk, known by its files alone (nothing loaded). ``spec`` is the content of bundle.json."""

    name: str
    folder: Path
    digest: str
    spec: Json


@dataclass
class Services:
    """Settings, stores and loaded models of one process."""

    settings: Settings
    database: Database
    cases: CaseStore
    jobs: JobStore
    slides: SlideStore
    _bundles: dict[str, "ModelBundle"] = field(default_factory=dict)
    _encoders: dict[str, "TileEncoder"] = field(default_factory=dict)

    def bundle_ref(self, name: str | None = None) -> BundleRef:
        """The named bundle, or the promoted one.

        Raises
        ------
        BundleError
            there is no such bundle, or the promoted one is no longer what was promoted
        """
        registry = RegistryStore(self.database)
        champion = None if name else registry.promoted()
        if champion is None:
            return bundle_ref(bundle_place(self.settings, name), name)
        known = bundle_folders(self.settings)
        if champion.name in known:
            ref = bundle_ref(known[champion.name].parent, champion.name)
            if ref.digest == champion.digest:
                return ref
        if not registry.history():  # nobody promoted it here: it came with the program, and so may its successor
            return bundle_ref(self.settings.checkpoints)
        problem = "was changed after its promotion" if champion.name in known else "is the promoted bundle and is gone"
        raise BundleError(
            champion.name,
            problem,
            expected=f"digest {champion.digest[:12]}",
            remedy="copy it back, or run icicore bundle rollback",
        )

    def bundle(self, ref: BundleRef) -> "ModelBundle":
        """Load a bundle, once per process."""
        import torch

        from icicore.models.bundle import load_bundle

        if ref.digest not in self._bundles:
            # Scoring is many tiny operations: one thread takes 20 ms where two threads that wait for each other on
            # a busy machine take two seconds. Embedding runs one single-threaded worker per core anyway.
            torch.set_num_threads(1)
            self._bundles[ref.digest] = load_bundle(ref.folder)
        return self._bundles[ref.digest]

    def encoder(self, name: str, precision: str = "") -> "TileEncoder":
        """Load a backbone, once per process and precision; that of the settings by default, fp32 where they say auto.

        Raises
        ------
        BackboneUnavailable
            Its weights are not here, or this machine cannot run it in that precision.
        """
        from icicore.embeddings.backbones import load_backbone
        from icicore.embeddings.precision import AUTO, FP32

        precision = precision or self.settings.precision
        precision = FP32 if precision == AUTO else precision
        key = f"{name}+{precision}"
        if key not in self._encoders:
            self._encoders[key] = load_backbone(
                name,
                weights_dir=self.settings.weights_dir,
                precision=precision,
                engines=self.settings.home / "engines",
            )
        return self._encoders[key]

    def bundle_encoder(self, bundle: "ModelBundle") -> "TileEncoder":
        """Load the tile encoder of a bundle, in the precision that it was trained in.

        One that was tuned with the model has its own weights and identity.

        Raises
        ------
        BundleError
            ``ICICORE_PRECISION`` demands another precision than the bundle accepts.
        """
        from icicore.embeddings.precision import precision_for, precision_of
        from icicore.embeddings.stage import tuned_encoder

        trained = precision_of(bundle.spec.backbone_digest)
        encoder = self.encoder(
            bundle.spec.backbone, precision_for(bundle.name, trained, setting=self.settings.precision)
        )
        if not bundle.backbone_stage:
            return encoder
        if bundle.digest not in self._encoders:
            self._encoders[bundle.digest] = tuned_encoder(encoder, bundle.backbone_stage)
        return self._encoders[bundle.digest]

    def find_slide(self, slide_id: str) -> tuple[Path, float | None] | None:
        """Path and stated mpp of a slide that was opened before, by its id; for the tile server."""
        return self.slides.find(slide_id)


def build_services(settings: Settings) -> Services:
    """Create the folders and open the database."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_url, lock_dir=settings.home)
    return Services(
        settings=settings,
        database=database,
        cases=CaseStore(database),
        jobs=JobStore(database),
        slides=SlideStore(database),
    )


def bundle_folders(settings: Settings) -> dict[str, Path]:
    """Folder of every bundle by name: those that came with the program, and those trained or imported here."""
    places = (settings.bundles_dir, settings.checkpoints)  # of two with one name the shipped one is meant
    return {name: place / name for place in places for name in bundle_names(place)}


def bundle_place(settings: Settings, name: str | None) -> Path:
    """The folder in which the named bundle lies; that of the shipped ones where there is no such bundle."""
    known = bundle_folders(settings) if name else {}
    return known[name].parent if name in known else settings.checkpoints


def bundle_names(checkpoints: Path) -> list[str]:
    """Names of the bundles in the folder, sorted."""
    return sorted(p.parent.name for p in checkpoints.glob("*/bundle.json"))


def promoted_name(checkpoints: Path) -> str:
    """Name of the promoted bundle: the one that promoted.json names, else the only one there is."""
    path = checkpoints / PROMOTED
    if path.exists():
        return str(json.loads(path.read_text(encoding="utf-8"))["name"])
    names = bundle_names(checkpoints)
    if len(names) != 1:
        raise BundleError(
            checkpoints,
            "holds no bundle" if not names else f"holds {len(names)} bundles and none is promoted",
            expected="one promoted bundle",
            remedy="train one with `icicore train`" if not names else "name one with --bundle",
        )
    return names[0]


def bundle_ref(checkpoints: Path, name: str | None = None) -> BundleRef:
    """Locate a bundle and read bundle.json.

    The digest is that of the seal in it, which covers specification and weights; loading the bundle checks it.
    """
    name = name or promoted_name(checkpoints)
    folder = checkpoints / name
    path = folder / "bundle.json"
    if Path(name).name != name or not path.is_file():
        raise BundleError(
            name,
            "no such bundle",
            expected="one of: " + (", ".join(bundle_names(checkpoints)) or "(none)"),
            remedy="see `icicore bundles`",
        )
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
        digest = fingerprint(spec["seal"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(folder, f"cannot be read ({error})", remedy="copy the bundle again") from None
    return BundleRef(name=name, folder=folder, digest=digest, spec=spec)
