"""Pieces of HTML that all sections share."""


def section(title: str, lead: str, body: str) -> str:
    """A section with its caption; nothing at all without a body."""
    return f'<section><h2>{title}</h2><p class="cap">{lead}</p>{body}</section>' if body else ""


def grouped(n: int) -> str:
    """An integer with thin spaces between thousands."""
    return f"{n:,}".replace(",", "\N{THIN SPACE}")
