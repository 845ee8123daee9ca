"""Who asks: the check before every route that names a case or a slide.

A route's own handler verifies the token of its address. What is checked here is the person: that the request carries
a login where there is one, that the address was signed for this person, that the case or slide is in sight, and that
a request that changes something comes from a page of this app.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from icicore.access import Person, Role
from icicore.addresses import made_for, writer_name
from icicore.errors import IcicoreError

SAFE = ("GET", "HEAD", "OPTIONS")
KEPT_SECONDS = 10.0
"""How long an answer about a person and a slide is kept: a screen of tiles asks the same a hundred times."""
_MOST_KEPT = 10_000


@dataclass(frozen=True)
class Access:
    """What the server must know of people.

    Attributes
    ----------
    identify : cookies of a request to the person; ``Role.NONE`` for nobody. May raise ``IcicoreError``.
    sees_case, sees_slide : whether the person may see what the key or slide id names
    """

    identify: Callable[[Mapping[str, str]], Person]
    sees_case: Callable[[Person, str], bool]
    sees_slide: Callable[[Person, str], bool]


class Guard:
    """Checks requests; remembers for a few seconds what it found out about a person and a case or slide."""

    def __init__(self, access: Access, secret: str) -> None:
        self._access, self._secret = access, secret
        self._kept: dict[tuple[Person, str, str], tuple[float, bool]] = {}

    def guard(self, routes: Iterable[BaseRoute]) -> list[BaseRoute]:
        """The routes; those that name a case or a slide ask first."""
        guarded = list(routes)
        for route in guarded:
            if isinstance(route, Route) and {"case", "slide"} & set(route.param_convertors):
                route.app = _Asking(route.app, self)
        return guarded

    def person(self, request: Request) -> Person:
        """Who asks; raises HTTPException when that is nobody with a role."""
        try:
            person = self._access.identify(request.cookies)
        except IcicoreError as error:
            raise HTTPException(503, str(error)) from error
        if not person.may(Role.READER):
            raise HTTPException(401, "log in first")
        return person

    def check(self, request: Request, person: Person) -> None:
        """Raise HTTPException when the request must not be answered. May ask the database if sites are limited."""
        if not made_for(self._secret, request.query_params.get("t", ""), person.name):
            raise HTTPException(403, "forbidden")
        for name, sees in (("case", self._access.sees_case), ("slide", self._access.sees_slide)):
            what = request.path_params.get(name)
            if what is not None and not self._sees(person, name, str(what), sees):
                raise HTTPException(404, "not found")  # as for what does not exist: it must not be told apart
        if request.method not in SAFE:
            self._check_change(request, person)

    def _check_change(self, request: Request, person: Person) -> None:
        if not from_this_app(request):
            raise HTTPException(403, "the request comes from another site")
        if not person.may(Role.REVIEWER) or writer_name(request.query_params.get("w", "")) != person.name:
            raise HTTPException(403, "forbidden")

    def _sees(self, person: Person, kind: str, what: str, ask: Callable[[Person, str], bool]) -> bool:
        now, key = time.monotonic(), (person, kind, what)
        found = self._kept.get(key)
        if found is None or now - found[0] > KEPT_SECONDS:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = (now, ask(person, what))
        return found[1]


def from_this_app(request: Request) -> bool:
    """Whether a request was sent by a page of this app, or by no browser at all.

    Browsers say where a request comes from in ``Sec-Fetch-Site`` and, for changes, in ``Origin``; a page of another
    site can set neither.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return True
    hosts = [request.headers.get("host", ""), *request.headers.get("x-forwarded-host", "").split(",")]
    return urlsplit(origin).netloc in {host.strip() for host in hosts if host.strip()}


class _Asking:
    """A route that asks the guard before it answers; handlers find the person in ``request.state.person``."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            person = self._guard.person(request)
            if person.sites is None:
                self._guard.check(request, person)
            else:  # a thread of its own: the database must not hold up the tiles of others
                await run_sync(self._guard.check, request, person)
            request.state.person = person
        except HTTPException as error:
            await PlainTextResponse(error.detail, error.status_code)(scope, receive, send)
            return
        await self._app(scope, receive, send)
