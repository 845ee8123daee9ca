"""Pixels of a slide: deep-zoom tiles, a square region, what the viewer must know. Label and macro have no address."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from icicore.errors import InputError
from icicore.server.guard import number, slide_of
from icicore.server.sources import SourcePool, TileSource

_log = logging.getLogger(__name__)
_MAX_SIDE_L0 = 65_536.0
_MAX_SIDE_PX = 2_048
TILES = 1
"""Raise this when the same address gives other bytes than before: another quality, another way of shrinking."""
_CLIENT_GONE = 499
# A tile never changes: its address holds the slide's digest. Private, because the token in it belongs to one user.
IMMUTABLE = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}


class SlideRoutes:
    """Handlers that answer from slide files. Plain functions: Starlette runs them in its thread pool.

    Tiles are the exception. What is stored as it is sent takes less time than the way to a thread, so it is answered
    at once; what must be decoded waits for a core, and is forgotten when the browser has moved on meanwhile.
    """

    def __init__(self, pool: SourcePool, secret: str) -> None:
        self._pool, self._secret = pool, secret
        self._decoding: CapacityLimiter | None = None

    def info(self, request: Request) -> Response:
        """Answer with the size and tiling of the scanned area."""
        slide = slide_of(request, self._secret)
        with self._source(slide) as source:
            fields = ("width", "height", "tile_size", "min_level", "max_level")
            content = {name: getattr(source, name) for name in fields} | {"origin_l0": list(source.origin_l0)}
        return JSONResponse(content, headers=IMMUTABLE)

    async def tile(self, request: Request) -> Response:
        """Answer with one JPEG tile; 304 where the browser has it."""
        slide = slide_of(request, self._secret)
        level, col, row = (int(request.path_params[name]) for name in ("level", "col", "row"))
        # The same slide, address and way of encoding give the same bytes, so the address is a strong validator.
        headers = IMMUTABLE | {"ETag": f'"{slide}-{level}-{col}-{row}-{TILES}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        source = self._pool.opened(slide)
        content = None if source is None else source.ready_tile(level, col, row)
        if content is None:
            async with self._cores():
                if await request.is_disconnected():
                    return Response(status_code=_CLIENT_GONE)
                content = await run_sync(self._decode, slide, level, col, row)
        return Response(content, media_type="image/jpeg", headers=headers)

    def _decode(self, slide: str, level: int, col: int, row: int) -> bytes:
        with self._source(slide) as source:
            try:
                return source.tile(level, col, row)
            except ValueError as error:
                raise HTTPException(404, "no such tile") from error

    def _cores(self) -> CapacityLimiter:
        if self._decoding is None:  # belongs to the event loop, so it cannot be made before that runs
            self._decoding = CapacityLimiter(max(2, os.cpu_count() or 1))
        return self._decoding

    def region(self, request: Request) -> Response:
        """Answer with a square JPEG: ``x``, ``y``, ``size_l0`` in level-0 px, ``px`` output pixels."""
        slide = slide_of(request, self._secret)
        x_l0, y_l0 = (number(request, name, low=-_MAX_SIDE_L0, high=1e7) for name in ("x", "y"))
        size_l0 = number(request, "size_l0", low=1.0, high=_MAX_SIDE_L0)
        size_px = int(number(request, "px", low=1.0, high=_MAX_SIDE_PX))
        with self._source(slide) as source:
            left, top = source.origin_l0
            if not (left - size_l0 < x_l0 < left + source.width and top - size_l0 < y_l0 < top + source.height):
                raise HTTPException(404, "outside the slide")
            image = source.region(x_l0, y_l0, size_l0, size_px)
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=90)
        return Response(stream.getvalue(), media_type="image/jpeg", headers=IMMUTABLE)

    @contextmanager
    def _source(self, slide: str) -> Iterator[TileSource]:
        try:
            with self._pool.use(slide) as source:
                yield source
        except KeyError as error:
            raise HTTPException(404, "unknown slide") from error
        except (InputError, OSError) as error:
            _log.warning("slide %s cannot be read: %s", slide, error)
            raise HTTPException(404, "the slide cannot be read") from error
