"""Who acts: today the one local user; accounts with roles join here and are handed to the same functions."""

import getpass
import unicodedata
from dataclasses import dataclass

from icicore.settings import Settings

_LONGEST = 80
NOBODY = "local user"


@dataclass(frozen=True)
class Person:
    """The author of a review or of an entry in the audit log. ``name`` is one line of at most 80 characters."""

    name: str


def local_person(settings: Settings) -> Person:
    """The single local user: ``ICICORE_USER``, else the account of the operating system."""
    return Person(one_line(settings.user) or one_line(_account()) or NOBODY)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no account
        return ""


def one_line(name: str) -> str:
    """The name without control characters and doubled spaces, cut to 80 characters."""
    kept = "".join(" " if unicodedata.category(c).startswith(("C", "Z")) else c for c in name)
    return " ".join(kept.split())[:_LONGEST]
