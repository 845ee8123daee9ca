"""The rules that give people their roles: ``people.toml`` in the home folder, and the claims of a login.

    [[person]]
    id = "ada@example.org"        # e-mail or subject of the login; "os:ACCOUNT" for an account of this machine
    name = "Ada Lovelace"         # optional
    role = "reviewer"             # reader, reviewer or admin
    sites = ["North"]             # optional; without it all sites

    [claims]                      # optional: roles from the login itself
    role = "roles"                # claim that holds one role or several
    sites = "sites"               # claim that holds one site or several; without it all sites
    trust_email = false           # true: take an e-mail that the provider does not call verified

    [claims.map]                  # optional: what the provider calls a role, and what it is here
    "Pathology-Readers" = "reader"

Who is listed has the role of the list; who is not has that of the claims; who has neither sees nothing.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from icicore.access import LONGEST_NAME, LONGEST_SITE, Person, Role, one_line
from icicore.errors import InputError

FILE = "people.toml"
OS_ACCOUNT = "os:"
_ROLES = {role.word: role for role in Role if role}
_EXPECTED = "reader, reviewer or admin"


@dataclass(frozen=True)
class Listed:
    """One entry of the list."""

    role: Role
    sites: tuple[str, ...] | None
    name: str


@dataclass(frozen=True)
class AccessRules:
    """Content of ``people.toml``; without the file nobody is listed and claims give no role.

    ``exists`` is False without a file: then the one local user is the administrator.
    """

    exists: bool = False
    people: Mapping[str, Listed] = field(default_factory=dict)
    role_claim: str = ""
    sites_claim: str = ""
    trust_email: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)

    def of_claims(self, claims: Mapping[str, Any]) -> Person:
        """The person behind the claims of a login; a person without a role has ``Role.NONE``."""
        subject, email = _text(claims.get("sub")), _text(claims.get("email"))
        # An e-mail that nobody checked may be that of somebody else.
        verified = email if claims.get("email_verified") is True or self.trust_email else ""
        # What a login says of itself must not reach the entries for accounts of this machine.
        names = [name for name in (verified.lower(), subject) if name and not name.startswith(OS_ACCOUNT)]
        listed = next((self.people[name] for name in names if name in self.people), None)
        shown = (listed.name if listed else "") or _text(claims.get("name"))
        label = _label(shown, names[0] if names else "unknown")
        if listed is not None:
            return Person(label, listed.role, listed.sites)
        if not names:
            return Person(label, Role.NONE, ())
        return Person(label, self._claimed_role(claims), self._claimed_sites(claims))

    def of_account(self, account: str, name: str) -> Person:
        """The person behind an account of this machine; ``name`` is what the account calls itself."""
        if not self.exists:
            return Person(name, Role.ADMIN)
        listed = self.people.get(f"{OS_ACCOUNT}{account}")
        if listed is None:
            return Person(_label("", f"{OS_ACCOUNT}{account}"), Role.NONE, ())
        return Person(_label(listed.name, f"{OS_ACCOUNT}{account}"), listed.role, listed.sites)

    def _claimed_role(self, claims: Mapping[str, Any]) -> Role:
        held = _texts(claims.get(self.role_claim)) if self.role_claim else ()
        known = self.roles or _ROLES
        return max((known[name] for name in held if name in known), default=Role.NONE)

    def _claimed_sites(self, claims: Mapping[str, Any]) -> tuple[str, ...] | None:
        return None if not self.sites_claim else _texts(claims.get(self.sites_claim))


def read_rules(home: Path) -> AccessRules:
    """Read ``people.toml`` of a home folder; cheap, so that a change counts at once.

    Raises
    ------
    InputError
        The file cannot be read or holds what is not known. Nobody gets in until it is corrected.
    """
    path = home / FILE
    try:
        stamp = path.stat()
    except FileNotFoundError:
        return AccessRules()
    except OSError as error:
        raise _wrong(f"cannot be read ({error.strerror})", "a readable file", "check its permissions") from None
    return _parsed(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=8)
def _parsed(path: Path, modified_ns: int, size: int) -> AccessRules:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _wrong(f"is not TOML ({error})", "[[person]] tables with id and role", "correct it") from None
    _known(content, {"person", "claims"}, "the file")
    entries = content.get("person", [])
    if not isinstance(entries, list):
        raise _wrong('"person" is not a list of tables', "[[person]]", "write two brackets")
    people = dict(_listed(entry) for entry in entries)
    if len(people) < len(entries):
        raise _wrong("names one id twice", "each id once", "remove one of them")
    claims = content.get("claims", {})
    _known(claims, {"role", "sites", "trust_email", "map"}, "[claims]")
    mapped = claims.get("map", {})
    _known(mapped, set(mapped), "[claims.map]")
    return AccessRules(
        exists=True,
        people=people,
        role_claim=_text(claims.get("role")),
        sites_claim=_text(claims.get("sites")),
        trust_email=claims.get("trust_email") is True,
        roles={str(name): _role(role) for name, role in mapped.items()},
    )


def _listed(entry: Any) -> tuple[str, Listed]:
    _known(entry, {"id", "name", "role", "sites"}, "[[person]]")
    name = _text(entry.get("id"))
    if not name:
        raise _wrong("a [[person]] has no id", 'id = "e-mail, subject or os:ACCOUNT"', "add it")
    sites = entry.get("sites")
    if sites is not None and not (isinstance(sites, list) and all(_is_site(s) for s in sites)):
        raise _wrong(f"sites of {name!r:.70} cannot be used", 'a list such as ["North"]', "correct it")
    chosen = None if sites is None else tuple(sites)
    identity = name if name.startswith(OS_ACCOUNT) or "@" not in name else name.lower()
    return identity, Listed(_role(entry.get("role")), chosen, _text(entry.get("name")))


def _role(value: object) -> Role:
    if not isinstance(value, str) or value not in _ROLES:
        raise _wrong(f"role {str(value)[:40]!r} is not known", _EXPECTED, "correct it")
    return _ROLES[value]


def _is_site(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SITE


def _known(table: Any, names: Iterable[str], where: str) -> None:
    if not isinstance(table, dict):
        raise _wrong(f"{where} is not a table", "keys and values", "correct it")
    if unknown := sorted(set(table) - set(names)):
        raise _wrong(f"{where} holds {unknown[0]!r:.50}", "one of: " + ", ".join(sorted(names)), "correct it")


def _wrong(problem: str, expected: str, remedy: str) -> InputError:
    return InputError(FILE, problem, expected=expected, remedy=remedy)


def _label(name: str, identity: str) -> str:
    """Name with the verified id in brackets; the id is never cut off by a long name."""
    identity = one_line(identity, LONGEST_NAME - 2)
    room = LONGEST_NAME - len(identity) - 3
    shown = one_line(name, room) if room > 0 else ""
    return f"{shown} ({identity})" if shown and shown != identity else identity


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(v for v in value if isinstance(v, str) and v) if isinstance(value, (list, tuple)) else ()
