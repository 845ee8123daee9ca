"""Small pieces of Markdown."""

from collections.abc import Sequence

from icicore.reports.numbers import DASH, interval, p_value
from icicore.reports.tables import signed


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; cells are text or numbers that are formatted already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def figure(name: str, text: str) -> str:
    """A picture of the folder of figures, with its caption."""
    return f"![{text}](figures/{name})"


def value(found: dict | None, digits: int = 3) -> str:
    """Value with its interval in brackets; a dash where there is none."""
    if found is None or found["value"] is None:
        return DASH
    bounds = interval(found["interval95"], digits)
    return f"{found['value']:.{digits}f}".replace("-", "\N{MINUS SIGN}") + (f" [{bounds}]" if bounds else "")


def difference(pair: dict, *, turned: bool = False) -> str:
    """Difference of two AUCs with the interval of the resamples and DeLong's p."""
    found, bounds = pair["auc_difference"], pair["interval95"]
    if found is None:
        return DASH
    if turned:
        found, bounds = -found, None if bounds is None else [-bounds[1], -bounds[0]]
    return f"{signed(found)} [{interval(bounds, 3)}], p {p_value(pair['delong_p'])}"


def against(report: dict, name: str) -> list[tuple[str, str, dict, bool]]:
    """Pairs with one model: the other's name, the difference in favour of the one, the pair, whether it was turned."""
    found = []
    for pair in report["pairs"]:
        if name in (pair["a"], pair["b"]):
            turned = pair["b"] == name
            other = pair["a"] if turned else pair["b"]
            found.append((other, difference(pair, turned=turned), pair, turned))
    return found


def holds(bounds: Sequence[float] | None, number: float) -> bool:
    """Whether a number lies in an interval."""
    return bounds is not None and bounds[0] <= number <= bounds[1]
