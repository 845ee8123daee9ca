"""What may differ between virtual cohorts: the named scenarios and their rates."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from icicore.errors import InputError

N_SITES = 6
SITE_WEIGHTS = (0.24, 0.20, 0.18, 0.16, 0.12, 0.10)
SHORTCUT_ODDS = (5.0, 3.0, 1.5, 0.7, 0.35, 0.2)
"""How much likelier a responder than a non-responder is treated at each site, in the shortcut scenario."""


@dataclass(frozen=True)
class Scenario:
    """Rates of one kind of virtual cohort. All are probabilities per patient.

    ``missing_values`` is the rate at which each single clinical value is unknown although the modality is present.
    ``poor_histology`` are slides of an unrepresentative, necrotic or damaged block; ``poor_rna`` follows low purity.
    """

    name: str
    signal: bool = True
    shortcut: bool = False
    missing_histology: float = 0.03
    missing_mutations: float = 0.02
    missing_expression: float = 0.04
    missing_clinical: float = 0.02
    missing_values: float = 0.02
    poor_histology: float = 0.08
    poor_rna: float = 0.08


_REFERENCE = Scenario("reference")
SCENARIOS = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            _REFERENCE,
            replace(_REFERENCE, name="no-signal", signal=False),
            replace(_REFERENCE, name="shortcut", shortcut=True),
            replace(
                _REFERENCE,
                name="missing",
                missing_histology=0.30,
                missing_mutations=0.25,
                missing_expression=0.35,
                missing_clinical=0.20,
                missing_values=0.10,
            ),
        )
    }
)


def scenario_named(name: str) -> Scenario:
    """Return the scenario of that name; ``InputError`` lists the names otherwise."""
    if name not in SCENARIOS:
        raise InputError("scenario", f"'{name}' is not known", expected="one of " + ", ".join(SCENARIOS))
    return SCENARIOS[name]
