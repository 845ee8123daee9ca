"""The local user: who works at the command line, and in the app where there is no login."""

import getpass
import os
import pwd

from icicore.access import Person as Person
from icicore.access import one_line as one_line
from icicore.access_rules import read_rules
from icicore.settings import Settings

NOBODY = "local user"


def local_person(settings: Settings) -> Person:
    """The single local user: ``ICICORE_USER``, else the account of the operating system.

    Without ``people.toml`` the local user is the administrator. With it the account must be listed as ``os:ACCOUNT``;
    what ``ICICORE_USER`` says then counts for nothing, as anybody can set it.

    Raises
    ------
    InputError
        ``people.toml`` cannot be used.
    """
    name = one_line(settings.user) or one_line(_account()) or NOBODY
    return read_rules(settings.home).of_account(_verified_account(), name)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no account
        return ""


def _verified_account() -> str:
    """The account by its number: unlike the name in the environment, nobody can choose it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
