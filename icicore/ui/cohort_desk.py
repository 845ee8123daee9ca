"""What the cohort page asks for: the test of a bundle, and the cases that it has scored."""

from collections.abc import Sequence

from icicore.access import Person
from icicore.errors import InputError
from icicore.workflows.bundle_report import Evaluation, read_evaluation
from icicore.workflows.cohort_map import ScoredCohort, scored_cohort
from icicore.workflows.services import BundleRef, Services, bundle_folders


class CohortDesk:
    """Reads what was computed before; nothing here loads a model."""

    def __init__(self, services: Services, person: Person) -> None:
        self._services, self._person = services, person

    def bundles(self) -> Sequence[str]:
        """Names of the bundles, the promoted one first."""
        names = list(bundle_folders(self._services.settings))
        promoted = self.promoted()
        return sorted(names, key=lambda name: (name != promoted, name))

    def promoted(self) -> str | None:
        """Name of the promoted bundle; None when there is none."""
        try:
            return self._services.bundle_ref().name
        except InputError:
            return None

    def bundle(self, name: str) -> BundleRef:
        """A bundle by its files; raises ``BundleError``."""
        return self._services.bundle_ref(name)

    def evaluation(self, ref: BundleRef) -> Evaluation | None:
        """What the test of a bundle found; None without one. Raises ``BundleError``."""
        return read_evaluation(ref.folder, ref.digest)

    def scored(self, ref: BundleRef) -> ScoredCohort:
        """The cases in sight that this state of a bundle has scored."""
        return scored_cohort(self._services, ref.digest, by=self._person)
