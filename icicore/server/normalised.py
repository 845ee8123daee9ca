"""A tile in the colours that the encoder saw: cut from the slide like any region, then stain-normalised."""

import re
from collections.abc import Callable
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from icicore.errors import InputError
from icicore.server.guard import number, slide_of
from icicore.server.slides import IMMUTABLE
from icicore.server.sources import SourcePool
from icicore.slides.deepzoom import encode_jpeg
from icicore.slides.stain import StainFit, normalise

StainOf: TypeAlias = Callable[[str, str], StainFit | None]
"""Slide id and key of its bag to the fit; None when they do not belong together."""
_BAG = re.compile(r"[0-9a-f]{64}")
_MAX_SIDE_L0, _MAX_SIDE_PX = 8192.0, 512.0


class NormalisedRoutes:
    """Handler of ``<root>/normalised/<slide>.jpg``."""

    def __init__(self, pool: SourcePool, stain_of: StainOf, secret: str) -> None:
        self._pool, self._stain_of, self._secret = pool, stain_of, secret

    def routes(self, root: str) -> list[BaseRoute]:
        """List the routes."""
        return [Route(f"{root}/normalised/{{slide}}.jpg", self.tile)]

    def tile(self, request: Request) -> Response:
        """Answer with a square JPEG: ``x``, ``y``, ``size_l0`` in level-0 px, ``px`` output pixels, ``bag`` its key."""
        slide, bag = slide_of(request, self._secret), request.query_params.get("bag", "")
        x_l0, y_l0 = (number(request, name, low=-_MAX_SIDE_L0, high=1e7) for name in ("x", "y"))
        size_l0 = number(request, "size_l0", low=1.0, high=_MAX_SIDE_L0)
        size_px = int(number(request, "px", low=1.0, high=_MAX_SIDE_PX))
        fit = self._stain_of(slide, bag) if _BAG.fullmatch(bag) else None
        if fit is None:
            raise HTTPException(404, "the embeddings of this slide are not kept")
        try:
            with self._pool.use(slide) as source:
                image = source.region(x_l0, y_l0, size_l0, size_px)
        except (KeyError, InputError, OSError) as error:
            raise HTTPException(404, "the slide cannot be read") from error
        return Response(encode_jpeg(normalise(image, fit)), media_type="image/jpeg", headers=IMMUTABLE)
