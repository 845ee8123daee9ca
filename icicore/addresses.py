"""Addresses that the pages write and the server answers: browser assets, slide ids, signed tokens.

Front end and server never import each other; what both must agree on is here.

A token signs one slide for one user. It is an HMAC over the UTC day, so it stays the same for a whole day (the
browser may keep what it fetched) and stops working at the latest after two.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parent / "server" / "static"
"""Folder of the browser files."""

ROOT = "icicore"
"""First segment of every address but those of the pages."""

PAGES = ("cases", "case", "compare", "cohort", "training", "models", "about")
"""Addresses of the pages, as ``icicore.ui.main`` registers them, beside ``/`` for the work list."""

_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_DIGEST = re.compile(r"[0-9a-f]{16}")
_SECONDS_PER_DAY = 86_400
_VALID_DAYS = 2


class BadToken(ValueError):
    """A token that is missing, forged, expired or made for another slide."""


def is_key(text: str) -> bool:
    """Tell whether the text can be a case key: letters, digits, ``_`` and ``-`` only."""
    return _KEY.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Tell whether the text can be a slide id or bundle id: the first 16 hexadecimal digits of a digest."""
    return _DIGEST.fullmatch(text) is not None


@cache
def asset_digest() -> str:
    """Digest of all browser files; part of their address, so a new version is never mixed with a cached one."""
    digest = hashlib.sha256()
    for path in sorted(p for p in STATIC.rglob("*") if p.is_file()):
        digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def report_id(case_key: str) -> str:
    """What a token for the report of a case signs; no slide id looks like it."""
    return f"report/{case_key}"


def mint(secret: str, slide_id: str, user: str, *, now: float) -> str:
    """Sign a slide for a user.

    Parameters
    ----------
    secret : the installation's secret, the same in all processes
    slide_id : first 16 hexadecimal digits of the slide digest
    user : name of the user; only a keyed hash of it enters the token
    now : seconds since the epoch
    """
    who = _mac(secret, "user", user)[:12]
    day = int(now // _SECONDS_PER_DAY)
    return f"{day:x}.{who}.{_mac(secret, 'slide', slide_id, who, str(day))[:32]}"


def check(secret: str, token: str, slide_id: str, *, now: float) -> None:
    """Verify a token of `mint`; raises BadToken when it does not open this slide now."""
    day, _, rest = token.partition(".")
    who, _, signature = rest.partition(".")
    if re.fullmatch(r"[0-9a-f]{1,8}", day) is None:
        raise BadToken("the token is malformed")
    expected = _mac(secret, "slide", slide_id, who, str(int(day, 16)))[:32]
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise BadToken("the signature does not fit")
    if not 0 <= int(now // _SECONDS_PER_DAY) - int(day, 16) < _VALID_DAYS:
        raise BadToken("the token has expired")


def made_for(secret: str, token: str, user: str) -> bool:
    """Whether a token of `mint` names this user; tells nothing about its signature, which `check` verifies."""
    who = token.split(".")[1] if token.count(".") == 2 else ""
    return hmac.compare_digest(who.encode(), _mac(secret, "user", user)[:12].encode())


def writer_name(token: str) -> str:
    """Name in a token of `mint_writer`, empty when there is none; `check_writer` verifies that it was signed."""
    parts = token.split(".")
    try:
        return base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode()
    except (IndexError, ValueError):
        return ""


def mint_writer(secret: str, slide_id: str, user: str, *, now: float) -> str:
    """Sign the right to annotate a slide, with the name that annotations are saved under; see `check_writer`.

    The name itself travels, because the server keeps no sessions. Good as long as a token of `mint`.
    """
    day, name = int(now // _SECONDS_PER_DAY), base64.urlsafe_b64encode(user.encode()).decode().rstrip("=")
    return f"{day:x}.{name}.{_mac(secret, 'annotate', slide_id, user, str(day))[:32]}"


def check_writer(secret: str, token: str, slide_id: str, *, now: float) -> str:
    """Name in a token of `mint_writer`; raises BadToken when it does not allow to annotate this slide now."""
    parts = token.split(".")
    if len(parts) != 3 or re.fullmatch(r"[0-9a-f]{1,8}", parts[0]) is None:
        raise BadToken("the token is malformed")
    try:
        user = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode()
    except ValueError as error:
        raise BadToken("the token is malformed") from error
    day = int(parts[0], 16)
    expected = _mac(secret, "annotate", slide_id, user, str(day))[:32]
    if not hmac.compare_digest(expected.encode(), parts[2].encode()):
        raise BadToken("the signature does not fit")
    if not 0 <= int(now // _SECONDS_PER_DAY) - day < _VALID_DAYS:
        raise BadToken("the token has expired")
    return user


def _mac(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def installation_secret(home: Path) -> str:
    """Return the secret that signs tokens: a random file in ``home`` for its owner alone, made when missing."""
    path = home / "secret"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = home / f".secret-{secrets.token_hex(8)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret counts
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="ascii")
