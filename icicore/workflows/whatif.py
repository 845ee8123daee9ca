"""Questions of what if: a modality missing, a gene wild type, ECOG or LDH other than they are.

A scored case keeps its scaled inputs and its slide embeddings beside the result. A changed copy of them is scored in
NumPy within milliseconds. What comes out is hypothetical: it is returned to the caller and written nowhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from icicore.clinical.features import NAMES, ClinicalScaler
from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY
from icicore.errors import CaseError
from icicore.fingerprint import write_bytes
from icicore.models.light import LightEnsemble, LightInputs, LightScore
from icicore.types import F32, Json
from icicore.workflows.cases import CaseResult
from icicore.workflows.services import BundleRef

if TYPE_CHECKING:
    from icicore.models.bundle import ModelBundle
    from icicore.models.inputs import CaseInputs

INPUTS = "inputs.safetensors"
READABLE = "readable"
SAME_LOGIT = 1e-4
"""The unchanged case must score as its result says, to this much logit; else the kept inputs are not its own."""


@dataclass(frozen=True)
class Change:
    """What is assumed to be otherwise.

    Attributes
    ----------
    without : modalities taken away
    wild_type : symbols of mutated genes that count as wild type; TMB stays as measured
    clinical : unscaled values by name (``ecog`` 0-4, ``ldh_uln`` as a multiple of the upper limit of normal)
    """

    without: frozenset[str] = frozenset()
    wild_type: frozenset[str] = frozenset()
    clinical: Mapping[str, float] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """True when nothing is changed."""
        return not (self.without or self.wild_type or self.clinical)


class WhatIf:
    """A scored case that can be asked; ``real`` is its score as it is."""

    def __init__(self, model: LightEnsemble, inputs: LightInputs) -> None:
        self._model, self._inputs = model, inputs
        self._mutation = {
            str(symbol): token
            for token, (symbol, kind) in enumerate(zip(model.spec["tokens"], model.spec["token_kinds"], strict=True))
            if kind == "mutation"
        }
        self.real = model.score(inputs)

    def ask(self, change: Change) -> LightScore:
        """Score the changed case."""
        return self.real if change.nothing else self._model.score(self._changed(change))

    def present(self) -> dict[str, bool]:
        """Modalities that the unchanged score rests on."""
        return self._model.present(self._inputs)

    def mutated(self) -> tuple[str, ...]:
        """Genes with a mutation, in panel order."""
        values, measured = self._inputs.gene_values, self._inputs.gene_measured
        if values is None or measured is None:
            return ()
        return tuple(gene for gene, token in self._mutation.items() if measured[token] and values[token] > 0)

    def clinical(self) -> dict[str, float]:
        """Unscaled clinical values that are known, LDH as a multiple of its upper limit."""
        inputs = self._inputs
        if inputs.clinical_values is None or inputs.clinical_measured is None:
            return {}
        scaler = ClinicalScaler.from_json(self._model.spec["clinical_scaler"])
        raw = inputs.clinical_values * scaler.scale + scaler.mean
        known = {name: float(raw[k]) for k, name in enumerate(NAMES) if inputs.clinical_measured[k]}
        return known | ({"ldh_uln": float(2 ** known["ldh_uln"])} if "ldh_uln" in known else {})

    def learnt(self) -> frozenset[str]:
        """Clinical values that some training patient had; another one changes nothing."""
        scaler = ClinicalScaler.from_json(self._model.spec["clinical_scaler"])
        return frozenset(name for name, seen in zip(NAMES, scaler.seen, strict=True) if seen)

    def _changed(self, change: Change) -> LightInputs:
        inputs = self._inputs
        if change.wild_type and inputs.gene_values is not None:
            values = inputs.gene_values.copy()
            values[[self._mutation[gene] for gene in change.wild_type]] = 0.0
            inputs = replace(inputs, gene_values=values)
        if change.clinical:
            inputs = self._with_clinical(inputs, change.clinical)
        return _without(inputs, change.without)

    def _with_clinical(self, inputs: LightInputs, changed: Mapping[str, float]) -> LightInputs:
        """Set values, also ones that were not known; a case without any clinical value gets those alone."""
        size = len(NAMES)
        values = np.zeros(size, np.float32) if inputs.clinical_values is None else inputs.clinical_values.copy()
        known = np.zeros(size, np.bool_) if inputs.clinical_measured is None else inputs.clinical_measured.copy()
        scaler = ClinicalScaler.from_json(self._model.spec["clinical_scaler"])
        for name, value in changed.items():
            k = NAMES.index(name)
            raw = np.log2(value) if name == "ldh_uln" else value
            values[k], known[k] = (raw - scaler.mean[k]) / scaler.scale[k], bool(scaler.seen[k])
        return replace(inputs, clinical_values=values, clinical_measured=known)


def _without(inputs: LightInputs, gone: Collection[str]) -> LightInputs:
    if HISTOLOGY in gone:
        inputs = replace(inputs, slide=None, readable=1.0)
    if GENOMICS in gone:
        inputs = replace(inputs, gene_values=None, gene_measured=None)
    if CLINICAL in gone:
        inputs = replace(inputs, clinical_values=None, clinical_measured=None)
    return inputs


def keep_inputs(folder: Path, bundle: "ModelBundle", inputs: "CaseInputs") -> None:
    """Write the scaled inputs and the slide embedding of each member into a result folder."""
    import torch

    from icicore.models.inputs import collate

    tensors: dict[str, np.ndarray] = {}
    if inputs.tiles is not None and len(inputs.tiles):
        with torch.inference_mode():
            outputs = bundle.model.member_outputs(collate([inputs]))
        tensors["slide"] = np.stack([o.slide_embedding[0].numpy() for o in outputs])
        tensors[READABLE] = np.array([inputs.readable], np.float32)
    named = {
        "gene_values": inputs.gene_values,
        "gene_measured": inputs.gene_measured,
        "clinical_values": inputs.clinical_values,
        "clinical_measured": inputs.clinical_measured,
    }
    tensors |= {name: value.numpy() for name, value in named.items() if value is not None}
    write_bytes(folder / INPUTS, save_tensors({k: np.ascontiguousarray(v) for k, v in tensors.items()}))


def open_what_if(result: CaseResult, ref: BundleRef, model: LightEnsemble) -> WhatIf:
    """Make a scored case ready to be asked.

    Raises
    ------
    CaseError
        the result was written before inputs were kept, they cannot be read, or they do not give the score of the
        result
    """
    case_id = str(result.prediction.get("case_id", ""))
    path = result.folder / INPUTS
    if ref.digest != result.bundle_digest:
        raise _again(case_id, f"was scored with another state of the model {ref.name}")
    if not path.is_file():
        raise _again(case_id, "was scored before its inputs were kept for questions like these")
    try:
        arrays = load_tensors(path.read_bytes())
        found = WhatIf(model, _inputs(arrays))
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise _again(case_id, f"has inputs that cannot be read ({type(error).__name__})") from error
    if abs(found.real.logit - float(result.prediction["logit"])) > SAME_LOGIT:
        raise _again(case_id, "has kept inputs that do not give the score of its result")
    return found


def _inputs(arrays: Mapping[str, np.ndarray]) -> LightInputs:
    def mask(name: str) -> np.ndarray | None:
        return arrays[name].astype(np.bool_) if name in arrays else None

    def values(name: str) -> F32 | None:
        return arrays[name].astype(np.float32) if name in arrays else None

    return LightInputs(
        slide=values("slide"),
        gene_values=values("gene_values"),
        gene_measured=mask("gene_measured"),
        clinical_values=values("clinical_values"),
        clinical_measured=mask("clinical_measured"),
        readable=float(arrays[READABLE][0]) if READABLE in arrays else 1.0,
    )


def _again(case_id: str, problem: str) -> CaseError:
    return CaseError(case_id, problem, remedy="score the case again")


def what_if_facts(score: LightScore) -> Json:
    """A hypothetical score in the form that the charts of a prediction read."""
    return {
        "probability": score.probability,
        "interval95": list(score.interval95),
        "modality_weights": dict(score.modality_weights),
    }
