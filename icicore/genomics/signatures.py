"""Published signatures of response to checkpoint inhibitors: gene sets and single genes that the literature names.

A few hundred patients cannot single out a dozen informative genes among thousands; others have, on other patients. The
table says where to look, never in which direction: that is learned.
"""

from dataclasses import dataclass
from functools import cache
from typing import cast

from icicore.genomics.panel import Token, TokenKind, table_rows

CURRENT = "v1"


@dataclass(frozen=True)
class Signature:
    """One published signature: its name, the kind of token that it reads, its genes, and the publication."""

    name: str
    kind: TokenKind
    genes: tuple[str, ...]
    source: str


@cache
def load_signatures(version: str = CURRENT) -> tuple[Signature, ...]:
    """Load the signatures of the package, in the order of the table."""
    return tuple(
        Signature(name, cast(TokenKind, kind), tuple(genes.split("|")), source)
        for name, kind, genes, source in table_rows(f"response_signatures_{version}")
    )


def signatures_of(token: Token) -> tuple[str, ...]:
    """Names of the signatures that read a token."""
    return tuple(s.name for s in load_signatures() if s.kind == token.kind and token.symbol in s.genes)
