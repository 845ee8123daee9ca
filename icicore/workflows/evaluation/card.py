"""Put what an evaluation found about a bundle's explanations into its card; the card is not part of the seal."""

from pathlib import Path

from icicore.errors import BundleError
from icicore.fingerprint import write_bytes
from icicore.models.bundle import CARD
from icicore.models.faithfulness import write_faithfulness
from icicore.reports.numbers import estimate
from icicore.types import Json

HEADING = "## Faithfulness of its explanations"


def update_card(bundle: Path, report: Json) -> None:
    """Write the section on faithfulness into card.md, in place of an older one, and the numbers for the viewer.

    Raises
    ------
    BundleError
        the bundle has no card
    """
    main = next(m["bundle"] for m in report["models"] if m["name"] == report["main"])
    if not (bundle / CARD).is_file():
        raise BundleError(f"{bundle.name}/{CARD}", "is missing", expected="a bundle folder", remedy="copy it again")
    first = (bundle / CARD).read_text(encoding="utf-8")
    before, _, rest = first.partition(HEADING)
    _, mark, after = rest.partition("\n## ")
    section = "\n".join([HEADING, "", *_lines(report, main), ""])
    write_bytes(bundle / CARD, f"{before.rstrip()}\n\n{section}{mark}{after}".encode())
    write_faithfulness(bundle, report["faithfulness"]["kinds"])


def _lines(report: Json, main: str) -> list[str]:
    found = report["faithfulness"]
    head = (
        f"Of `{main}` on {report['n']} patients of `{report['study']}`: change of the calibrated logit when the top "
        f"{100 * found['share_removed']:.0f} % is removed, beyond a random share; positive is faithful, 0 is chance "
        "(95 % interval)."
    )
    rows = [
        f"- {row['meaning'].partition(':')[0]}: {estimate(row, 3)}, n {row['n']}"
        for row in found["kinds"].values()
        if row is not None
    ]
    return [head, "", *rows]
