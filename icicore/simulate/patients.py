"""What a virtual patient is: the files it will have, and the truth behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from icicore.domain import ClinicalValues, Recist, TumourType
from icicore.simulate.spec import SlideSpec
from icicore.types import F32, Json


@dataclass(frozen=True)
class PatientTruth:
    """What no model may see.

    Parameters
    ----------
    factors : causal factors by name (see ``latents.Latents``), plain numbers and words
    parts : log-odds of response contributed by each modality's factors
    intercept : log-odds added to the sum of the parts
    oracle_probability : P(response | all causal factors)
    oracle : P(response | causal factors of one modality), by modality
    oracle_attainable : P(response | factors that this patient's data show), the best that any reader can know
    informative : by modality, False where it is missing or says nothing reliable (poor block, low purity)
    purity : tumour purity of the sequenced sample, 0-1
    causal_mutations, causal_expression : genes planted as causal in this cohort
    lost_genes : resistance genes whose loss was planted in this patient
    """

    factors: Mapping[str, float | str]
    parts: Mapping[str, float]
    intercept: float
    oracle_probability: float
    oracle: Mapping[str, float]
    oracle_attainable: float
    informative: Mapping[str, bool]
    purity: float
    causal_mutations: tuple[str, ...]
    causal_expression: tuple[str, ...]
    lost_genes: tuple[str, ...]

    def to_json(self) -> Json:
        """As in truth.json."""
        return {
            "factors": dict(self.factors),
            "parts": dict(self.parts),
            "intercept": self.intercept,
            "oracle_probability": self.oracle_probability,
            "oracle": dict(self.oracle),
            "oracle_attainable": self.oracle_attainable,
            "informative": dict(self.informative),
            "purity": self.purity,
            "causal_mutations": list(self.causal_mutations),
            "causal_expression": list(self.causal_expression),
            "lost_genes": list(self.lost_genes),
        }


@dataclass(frozen=True, eq=False)
class VirtualPatient:
    """One simulated patient: what its files will contain, and the truth.

    Parameters
    ----------
    patient_id : pseudonym, safe as a file name; also case id and sample barcode
    site : hospital, 0-5: staining and RNA batch
    slide_spec : request for its slide; None when histology is missing
    mutations : MAF rows without the sample columns (see ``mutation_model.MAF_COLUMNS``); None when not sequenced
    expression : TPM (G,) in the order of ``expression_genes``; None when not sequenced
    clinical : None for unknown values; empty when the modality is missing
    scenario : name of the scenario that drew it
    """

    patient_id: str
    tumour_type: TumourType
    site: int
    response: Recist
    clinical: ClinicalValues
    slide_spec: SlideSpec | None
    mutations: pd.DataFrame | None
    expression: F32 | None
    expression_genes: tuple[str, ...]
    scenario: str
    truth: PatientTruth
