"""Who a person is, what the person may do, and which cases the person sees. Decided here and nowhere else."""

import unicodedata
from dataclasses import dataclass
from enum import IntEnum

from icicore.errors import InputError

LONGEST_NAME = 80
LONGEST_SITE = 64


class Role(IntEnum):
    """What a person may do; each role may also do what the ones below it may."""

    NONE = 0
    READER = 1
    REVIEWER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """Name in files and on the screen."""
        return self.name.lower()


ROLE_MEANS: dict[Role, str] = {
    Role.NONE: "sees nothing",
    Role.READER: "sees cases, results and models; exports",
    Role.REVIEWER: "all that a reader may; opens and scores cases, annotates, signs, trains",
    Role.ADMIN: "all that a reviewer may; promotes, rolls back and removes models",
}


class NotPermitted(InputError):
    """A person asked for what the role does not cover, or for a case of another site."""


@dataclass(frozen=True)
class Person:
    """Somebody who acts: author of reviews and annotations, actor in the audit log.

    Attributes
    ----------
    name : one line of at most 80 characters; of two people with a login never the same, as it holds their id
    role : what the person may do
    sites : whose cases the person sees; None: all cases, also those without a site
    """

    name: str
    role: Role = Role.READER
    sites: tuple[str, ...] | None = None

    def may(self, role: Role) -> bool:
        """Whether the person has this role or one above it."""
        return self.role >= role

    def sees(self, site: str | None) -> bool:
        """Whether the person sees the cases of a site; a case without one is seen only by who sees all sites."""
        return self.may(Role.READER) and (self.sites is None or (site is not None and site in self.sites))


def require(person: Person, role: Role, to: str = "do this") -> Person:
    """The person, if the role is enough.

    Parameters
    ----------
    person : who acts
    role : the least role that may
    to : what is asked for, for the message, such as ``"sign a review"``

    Raises
    ------
    NotPermitted
        The role is not enough.
    """
    if not person.may(role):
        held = f"is a {person.role.word}" if person.role else "has no role here"
        raise NotPermitted(
            person.name,
            f"{held} and may not {to}",
            expected=f"{role.word} or above",
            remedy="ask an administrator of icicore",
        )
    return person


def require_site(person: Person, site: str | None, what: str = "case") -> Person:
    """The person, if cases of this site are visible.

    Raises
    ------
    NotPermitted
        They are not. The message names what was asked for, never the site it belongs to.
    """
    require(person, Role.READER, "see cases")
    if not person.sees(site):
        sites = ", ".join(person.sites or ()) or "none"
        raise NotPermitted(
            what,
            f"is not in sight of {person.name}",
            expected=f"a case of the sites: {sites}",
            remedy="ask an administrator of icicore",
        )
    return person


def one_line(name: str, longest: int = LONGEST_NAME) -> str:
    """The name without control characters and doubled spaces, cut to 80 characters."""
    kept = "".join(" " if unicodedata.category(c).startswith(("C", "Z")) else c for c in name)
    return " ".join(kept.split())[:longest]
