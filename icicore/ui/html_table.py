"""A plain table as HTML."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are HTML of this package, with what came from files escaped."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="i-table"><tr>{top}</tr>{body}</table>'


def moment(at: str) -> str:
    """An ISO 8601 time in UTC, to the minute."""
    return f"{at[:16].replace('T', ' ')} UTC"
