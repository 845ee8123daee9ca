"""Streamlit's page under the addresses of the app's own pages, told where its server is.

Opened at ``/case``, Streamlit's browser part does not know whether ``/case`` is a page or the folder that the app is
served under: it asks for its own endpoints below both, and the first answer is a 404 that the console reports. Here the
page says so itself. The address is worked out by the browser from its own location, so it also holds behind a proxy
that takes a prefix away.
"""

from collections.abc import Iterable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

_BASE = '<script>window.__streamlit = { BACKEND_BASE_URL: new URL(".", window.location.href).href }</script>'
_BEFORE = '<script type="module"'


def build_shell_routes(base: str, index: Path, names: Iterable[str]) -> list[BaseRoute]:
    """Build one route for each page.

    Parameters
    ----------
    base : path prefix of the Streamlit server, empty when there is none
    index : Streamlit's ``index.html``
    names : addresses of the pages below the prefix, one segment each
    """
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    html = index.read_text(encoding="utf-8").replace(_BEFORE, f"{_BASE}\n    {_BEFORE}", 1)

    def page(request: Request) -> Response:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return [Route(f"{prefix}/{name}", page) for name in names]
