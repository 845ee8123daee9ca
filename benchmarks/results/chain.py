"""The chain of the experiment: studies, models, evaluations, ablation, scenarios, tiles, public cohorts."""

from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import cohort_scores
import public_cohorts
import tile_classes
import torch

from icicore.fingerprint import file_digest
from icicore.models.bundle import load_bundle
from icicore.models.tile_classes import load_tile_head
from icicore.settings import read_settings
from icicore.training.config import TrainConfig
from icicore.training.dataset import StudyData
from icicore.training.gauges import peak_rss_mib
from icicore.training.study import log_left_out, read_study
from icicore.training.train import train_on
from icicore.types import Progress
from icicore.workflows.evaluation.run import evaluate_on
from icicore.workflows.inference import DEFAULT_BACKBONE, embed_default
from icicore.workflows.pool import worker_pool
from icicore.workflows.services import Services, build_services
from icicore.workflows.simulation import StudySpec, simulate_study
from icicore.workflows.tile_classes import bank_of, measure_on_slides
from results.plan import Plan
from results.stages import EVALUATION, SIMULATION, TRAINING, Done, Stages, folder_digest, kept_out, source_digest

COMPARED = ("image", "genomic", "clinical", "concat")
FULL = "full recipe"
OFF = {
    "arms_first": False, "auxiliary_loss": 0.0, "modality_dropout": 0.0, "scale_by_present": False,
    "weigh_readable": False, "grade_loss": 0.0,
}  # fmt: skip
"""The remedies of the recipe, and what training is without each."""
NAMES = {
    "arms_first": "each arm first alone",
    "auxiliary_loss": "auxiliary loss per arm",
    "modality_dropout": "modality dropout",
    "scale_by_present": "what is missing adds nothing",
    "weigh_readable": "unreadable slides count less",
    "grade_loss": "the grades of a response",
}
IDLE = "auxiliary_loss"
"""Plays no part in the full recipe, whose arms stay as they are."""


Found: TypeAlias = dict[str, Done | None]
"""Finished stages by the name of what they found."""


@dataclass(frozen=True)
class Row:
    """A row of the ablation: its name as a bundle, its title, and the training options that differ."""

    name: str
    title: str
    options: dict


def ablation_rows() -> list[Row]:
    """Nothing of the recipe, each remedy alone, everything but one; and without prior knowledge of genes or tissue."""
    rows = [Row("plain", "plain fusion, as listed", dict(OFF))]
    for remedy, title in NAMES.items():
        others = {k: v for k, v in OFF.items() if k != remedy}
        rows.append(Row(f"plain-and-{slug(remedy)}", f"plain + {title}", others))
    rows += [
        Row(f"without-{slug(remedy)}", f"{FULL} without {title}", {remedy: OFF[remedy]})
        for remedy, title in NAMES.items()
        if remedy != IDLE
    ]
    rows.append(Row("arms-go-on", f"{FULL}, arms go on learning", {"freeze_arms": False}))
    rows.append(Row("without-signatures", f"{FULL} without published signatures", {"gene_signatures": False}))
    rows.append(Row("without-tissue-start", f"{FULL} without the start from tissue", {"tissue_start": False}))
    rows.append(Row("without-guide", f"{FULL} without the guided tile attention", {"attention_guide": 0.0}))
    return rows


def slug(name: str) -> str:
    """A field of the recipe as part of a folder name."""
    return name.replace("_", "-")


@dataclass
class Chain:
    """The experiment of one plan; the stages know what is there already."""

    plan: Plan
    services: Services
    stages: Stages
    kept: tuple[Path, StudyData] | None = None

    def study(self, scenario: str, seed: int, name: str | None = None) -> Done:
        """Simulate a study; the bank of tiles is shared by all."""
        plan = self.plan
        spec = StudySpec(patients=plan.patients, seed=seed, scenario=scenario, bank_slides=plan.bank)

        def make(folder, progress):
            simulate_study(self.services, folder / scenario, spec, progress=progress)
            return {"study": scenario, **asdict(spec)}

        return self.stages.run(f"simulate-{name or scenario}", spec, SIMULATION, make)

    def read(self, study: Done, progress: Progress) -> StudyData:
        """Read a study; the last one is kept in memory, since many stages look at it."""
        if self.kept is None or self.kept[0] != study.folder:
            place = study.folder / study.result["study"]
            found = log_left_out(
                read_study(place, embed=lambda slide: embed_default(self.services, slide), progress=progress)
            )
            self.kept = study.folder, found
        return self.kept[1]

    def train(self, name: str, study: Done, **options: object) -> Done:
        """Train a bundle and its comparison models on a study."""
        recipe = self.plan.recipe(save_comparisons=True, name=name, **options)
        spec = [study.folder.name, TrainConfig(**recipe).model_dump(mode="json")]

        def make(folder, progress):
            train_on(self.read(study, progress), folder / name, TrainConfig(**recipe), progress)
            bundles = [p.parent.name for p in sorted(folder.glob("*/bundle.json"))]
            return {"main": name, "bundles": bundles, "recipe": recipe, "peak_gib": peak_gib()}

        return self.stages.run(f"train-{name}", spec, TRAINING, make)

    def evaluate(self, name: str, study: Done, trained: list[Done], *, thorough: bool) -> Done:
        """Evaluate all bundles of some trainings; the stage's result is report.json."""
        folders = [t.folder / bundle for t in trained for bundle in ordered(t)]
        limits = self.plan.evaluation(thorough=thorough)
        spec = [study.folder.name, [f"{f.parent.name}/{f.name}" for f in folders], limits]

        def make(folder, progress):
            data, place = self.read(study, progress), study.folder / study.result["study"]
            bundles = [load_bundle(f) for f in folders]
            return evaluate_on(data, place, bundles, folder, spec=limits, progress=progress)

        return self.stages.run(f"evaluate-{name}", spec, EVALUATION, make)

    def ablation(self, study: Done, others: Done) -> Done:
        """Single members with some remedies of the recipe; the full one also as concatenation and mean.

        They are tested on the test patients of ``study``, and on all of ``others``, who are many more.
        """
        one = {"members": 1}
        rows = {FULL: self.train("full", study, **one, comparisons=("concat", "mean"))}
        for row in ablation_rows():
            rows[row.title] = self.train(row.name, study, **one, comparisons=(), **row.options)
        found = self.evaluate("ablation", study, list(rows.values()), thorough=False)
        names = iter(bundle["name"] for bundle in found.result["bundles"])
        titles = {}
        for title, trained in rows.items():
            for bundle in ordered(trained):
                kind = bundle.removeprefix(trained.result["main"]).strip("-")
                titles[next(names)] = f"{title}, {kind} fusion" if kind else title
        wide = self.evaluate("ablation-elsewhere", others, list(rows.values()), thorough=False)
        result = {**found.result, "titles": titles, "elsewhere": wide.result}
        return Done(found.name, found.folder, result, found.seconds, found.resumed)

    def tiles(self, study: Done) -> Done:
        """Measure the shipped tile-class head: whole virtual slides, composed bags, real tiles where there are some."""
        real, bank = self.plan.tiles, self.plan.bank
        spec = [study.folder.name, bank, None if real is None else folder_digest(real), own_code(tile_classes)]

        def make(folder, progress):
            head = load_tile_head(self.services.encoder(DEFAULT_BACKBONE).identifier)
            slides = bank_of(self.services, backbone=DEFAULT_BACKBONE, n_slides=bank, progress=progress)
            figures = {"card": head.card, "bank_slides": bank, "bank": measure_on_slides(head, slides)}
            figures["study"] = tile_classes.on_study(head, study.folder / study.result["study"])
            if real is not None:
                tiles = tile_classes.real_tiles(self.services, DEFAULT_BACKBONE, real)
                figures["real"] = tile_classes.on_real_tiles(head, *tiles)
            return figures

        return self.stages.run("tile-classes", spec, EVALUATION, make)

    def public(self) -> Done | None:
        """Real patients, where a folder of cohorts is given."""
        plan, folder = self.plan, self.plan.cohorts
        if folder is None:
            return None
        asked = {
            "kinds": ["genomic", "multimodal"], "members": plan.public_members, "epochs": plan.public_epochs,
            "repeats": plan.public_repeats, "model_repeats": plan.public_model_repeats, "seed": plan.seed,
        }  # fmt: skip

        code = own_code(public_cohorts, cohort_scores)

        def make(place, progress):
            progress(0, 1, "public cohorts")
            with kept_out(place) as scratch:
                found = public_cohorts.measured(Namespace(cohorts=folder, **asked), scratch)
            return {**found, "settings": asked}

        return self.stages.run("public-cohorts", [asked, folder_digest(folder), code], EVALUATION, make)

    def reference(self, study: Done) -> Found:
        """Main models, their evaluation, the ablation, and the main models among patients of another seed."""
        plan = self.plan
        main = self.train("reference", study, members=plan.members, comparisons=COMPARED)
        report = self.evaluate("reference", study, [main], thorough=True)
        others = self.study("reference", plan.seed + 4, "elsewhere")
        elsewhere = self.evaluate("elsewhere", others, [main], thorough=False)
        ablation = self.ablation(study, others)
        return {"reference": report, "training": main, "elsewhere": elsewhere, "ablation": ablation}

    def shortcut(self, reference: Done) -> Found:
        """Models of a cohort whose stain tells the response, at home and among the patients of the reference cohort."""
        plan = self.plan
        study = self.study("shortcut", plan.seed + 3)
        trained = self.train("shortcut", study, members=plan.scenario_members, comparisons=("image",))
        home = self.evaluate("shortcut", study, [trained], thorough=False)
        return {"shortcut": home, "shortcut-away": self.evaluate("shortcut-away", reference, [trained], thorough=False)}

    def others(self, reference: Done) -> Found:
        """Other scenarios, tissue classes, public cohorts."""
        plan = self.plan
        found: Found = {}
        for k, scenario in enumerate(("no-signal", "missing"), start=1):
            study = self.study(scenario, plan.seed + k)
            trained = self.train(scenario, study, members=plan.scenario_members, comparisons=COMPARED)
            found[scenario] = self.evaluate(scenario, study, [trained], thorough=False)
        found |= self.shortcut(reference)
        self.kept = None
        return {**found, "tiles": self.tiles(reference), "public": self.public()}


def run(plan: Plan, out: Path, *, trust: bool, lanes: int) -> tuple[Found, list[list[Done]]]:
    """Make everything; return what was found, and the stages that ran one after the other: common, first, second lane.

    With two lanes a second process makes what does not depend on the main models: training uses one core.
    """
    for code in (SIMULATION, TRAINING, EVALUATION):
        source_digest(code)  # of the source as it is loaded now
    chain = Chain(plan, build_services(read_settings()), Stages(out, trust=trust))
    study = chain.study("reference", plan.seed)
    if lanes > 1:
        with worker_pool(1) as pool:  # ends with this process, however that ends
            beside = pool.submit(_others, plan, out, study, trust=trust)
            found = chain.reference(study)
            more, second = beside.result()
    else:
        found = chain.reference(study)
        more, second = chain.others(study), []
    common, first = chain.stages.done[:1], chain.stages.done[1:]
    return found | more, [common, first, second]


def _others(plan: Plan, out: Path, study: Done, *, trust: bool) -> tuple[Found, list[Done]]:
    """The second lane, in a process of its own."""
    torch.set_num_threads(1)
    chain = Chain(plan, build_services(read_settings()), Stages(out, trust=trust, bar=False))
    return chain.others(study), chain.stages.done


def ordered(trained: Done) -> list[str]:
    """Bundles of a training: the main one first, the others in the order of the recipe."""
    main = trained.result["main"]
    kinds = trained.result["recipe"].get("comparisons", ())
    return [main, *(f"{main}-{kind}" for kind in kinds if f"{main}-{kind}" in trained.result["bundles"])]


def peak_gib() -> float:
    """Most memory that this process has held so far, in GiB."""
    return round(peak_rss_mib() / 1024, 2)


def own_code(*modules: ModuleType) -> list[str]:
    """Digests of scripts that are no part of the package."""
    return [file_digest(Path(module.__file__)) for module in modules]
