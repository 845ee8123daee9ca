"""Annotations of a slide: read, saved one by one as they are drawn, exchanged with QuPath.

Reading needs the token of the slide; writing a token of its own, which names the author. Both travel in the address,
not in a cookie, so another site cannot write in a user's name.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from icicore.addresses import BadToken, check_writer
from icicore.errors import AnnotationError, InputError, StorageError
from icicore.server.guard import slide_of
from icicore.server.sources import SourcePool
from icicore.slides.annotation_geojson import MAX_BYTES, ORIGINS, Origin
from icicore.slides.annotations import BoundsL0
from icicore.store.annotations import AnnotationRow, Conflict
from icicore.types import Json

_MAX_ONE = 4 * 1024 * 1024
_FRESH = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class Annotations(Protocol):
    """What the routes need of the annotations of one slide."""

    def version(self) -> str:
        """Value that changes with every change."""

    def rows(self) -> list[AnnotationRow]:
        """All annotations."""

    def save(self, content: object, *, author: str, revision: int) -> AnnotationRow:
        """Save one; raises AnnotationError or Conflict."""

    def delete(self, annotation_id: str, *, author: str, revision: int) -> None:
        """Delete one; raises Conflict."""

    def export(self, origin: Origin) -> Json:
        """All as GeoJSON."""

    def load(self, content: bytes, *, source: str, origin: Origin, author: str) -> Json:
        """Import GeoJSON; raises AnnotationError."""


OpenAnnotations: TypeAlias = Callable[[str, BoundsL0], Annotations]
"""Slide id and scanned area to the slide's annotations."""


class AnnotationRoutes:
    """Handlers under ``<root>/annotations/<slide>``."""

    def __init__(self, pool: SourcePool, open_annotations: OpenAnnotations, secret: str) -> None:
        self._pool, self._open, self._secret = pool, open_annotations, secret

    def routes(self, root: str) -> list[BaseRoute]:
        """List the routes."""
        base = f"{root}/annotations/{{slide}}"
        return [
            Route(f"{base}.json", self.all, methods=["GET"]),
            Route(f"{base}.geojson", self.export, methods=["GET"]),
            Route(f"{base}/import", self.load, methods=["POST"]),
            Route(f"{base}/{{annotation}}.json", self.save, methods=["PUT"]),
            Route(f"{base}/{{annotation}}.json", self.delete, methods=["DELETE"]),
        ]

    def all(self, request: Request) -> Response:
        """Answer with all annotations; 304 when nothing changed since the version that the browser names."""
        found = self._annotations(request)
        tag = f'"{found.version()}"'
        headers = _FRESH | {"ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return JSONResponse({"annotations": [row.to_json() for row in found.rows()]}, headers=headers)

    def export(self, request: Request) -> Response:
        """Answer with a GeoJSON file; ``origin`` says which corner it counts from."""
        found, slide = self._annotations(request), str(request.path_params["slide"])
        text = json.dumps(found.export(_origin(request)), indent=1, ensure_ascii=False, allow_nan=False)
        # The name of the slide file may tell who the patient is; the id does not.
        name = {"Content-Disposition": f'attachment; filename="annotations-{slide}.geojson"'}
        return Response(text.encode(), media_type="application/geo+json", headers=_FRESH | name)

    async def save(self, request: Request) -> Response:
        """Save one annotation; the body holds it and the ``revision`` that it changes, 0 for a new one."""
        author = self._author(request)  # before anything is read
        body = await _body(request, _MAX_ONE)
        return await run_sync(lambda: self._save(request, body, author))

    def _save(self, request: Request, body: bytes, author: str) -> Response:
        found = self._annotations(request)
        content = _parsed(body)
        content["id"] = str(request.path_params["annotation"])
        try:
            row = found.save(content, author=author, revision=_revision(content.get("revision")))
        except (AnnotationError, StorageError) as error:
            return _refused(error)
        except Conflict as conflict:
            return JSONResponse({"annotation": conflict.row.to_json()}, 409, headers=_FRESH)
        return JSONResponse({"annotation": row.to_json()}, headers=_FRESH)

    def delete(self, request: Request) -> Response:
        """Delete one annotation of the ``revision`` in the query."""
        found, author = self._annotations(request), self._author(request)
        try:
            revision = _revision(int(request.query_params.get("revision", "")))
            found.delete(str(request.path_params["annotation"]), author=author, revision=revision)
        except ValueError as error:
            raise HTTPException(400, "revision is not a number") from error
        except Conflict as conflict:
            return JSONResponse({"annotation": conflict.row.to_json()}, 409, headers=_FRESH)
        except StorageError as error:
            return _refused(error)
        return Response(status_code=204, headers=_FRESH)

    async def load(self, request: Request) -> Response:
        """Import a GeoJSON file, the body of the request; all of it or nothing."""
        author = self._author(request)
        body = await _body(request, MAX_BYTES)
        return await run_sync(lambda: self._load(request, body, author))

    def _load(self, request: Request, body: bytes, author: str) -> Response:
        found = self._annotations(request)
        source = request.query_params.get("name", "file")[:120]
        try:
            counts = found.load(body, source=source, origin=_origin(request), author=author)
        except (AnnotationError, StorageError) as error:
            return _refused(error)
        return JSONResponse(counts, headers=_FRESH)

    def _annotations(self, request: Request) -> Annotations:
        slide = slide_of(request, self._secret)
        try:
            with self._pool.use(slide) as source:
                left, top = source.origin_l0
                bounds = (float(left), float(top), float(source.width), float(source.height))
        except (KeyError, InputError, OSError) as error:
            raise HTTPException(404, "unknown slide") from error
        return self._open(slide, bounds)

    def _author(self, request: Request) -> str:
        slide = str(request.path_params["slide"])
        try:
            return check_writer(self._secret, request.query_params.get("w", ""), slide, now=time.time())
        except BadToken as error:
            raise HTTPException(403, "forbidden") from error


async def _body(request: Request, limit: int) -> bytes:
    """Read the body, but not more than ``limit`` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise HTTPException(413, f"more than {limit // 2**20} MiB")
        parts.append(part)
    return b"".join(parts)


def _parsed(body: bytes) -> Json:
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "not JSON") from error
    if not isinstance(content, dict):
        raise HTTPException(400, "not a JSON object")
    return content


def _revision(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise HTTPException(400, "revision is not a number")
    return value


def _origin(request: Request) -> Origin:
    origin = request.query_params.get("origin", "scan")
    if origin not in ORIGINS:
        raise HTTPException(400, "origin is not known")
    return origin


def _refused(error: AnnotationError | StorageError) -> Response:
    """One line for the person who drew or chose the file."""
    status = 507 if isinstance(error, StorageError) else 422
    return JSONResponse({"error": str(error)}, status, headers=_FRESH)
