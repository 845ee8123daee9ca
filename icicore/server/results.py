"""Files of a result folder: explanation grids, tile table, thumbnail pages."""

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from icicore.server.grids import GridCache, content_digest
from icicore.server.guard import result_of, slide_of

_LAYER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PAGE = re.compile(r"sheet_[0-9]{3,6}")
# The address holds a version of the result, so a scored-again case has new addresses.
_HEADERS = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}


class ResultRoutes:
    """Handlers that answer from ``results_dir/<case>/<bundle>/slides/<slide>/``."""

    def __init__(self, results_dir: Path, secret: str) -> None:
        self._root, self._secret = results_dir, secret
        self._grids = GridCache()

    def grid(self, request: Request) -> Response:
        """Answer with a layer as raw little-endian float32, row by row; its shape is in the headers."""
        layer = _named(request, "layer", _LAYER)
        path = self._path(request, f"{layer}.f32.npy")
        try:
            grid = self._grids.find(path)
        except OSError as error:
            raise HTTPException(404, "not found") from error
        except (ValueError, EOFError) as error:
            raise HTTPException(404, "the grid cannot be read") from error
        shape = {"X-Rows": str(grid.rows), "X-Cols": str(grid.cols)}
        return _answer(request, grid.content, "application/octet-stream", tag=grid.digest, extra=shape)

    def sheet(self, request: Request) -> Response:
        """Answer with one page of tile thumbnails."""
        page = _named(request, "page", _PAGE)
        return _answer(request, self._read(request, f"{page}.jpg"), "image/jpeg")

    def sheet_info(self, request: Request) -> Response:
        """Answer with the layout of the thumbnail pages."""
        return _answer(request, self._read(request, "sheet.json"), "application/json")

    def table(self, request: Request) -> Response:
        """Answer with the columnar tile table."""
        return _answer(request, self._read(request, "tiles.json"), "application/json")

    def _path(self, request: Request, name: str) -> Path:
        slide = slide_of(request, self._secret)
        case, bundle = result_of(request)
        root = self._root.resolve()
        path = (root / case / bundle / "slides" / slide / name).resolve()
        if not path.is_relative_to(root):  # a link that leads out
            raise HTTPException(404, "not found")
        return path

    def _read(self, request: Request, name: str) -> bytes:
        try:
            return self._path(request, name).read_bytes()
        except OSError as error:
            raise HTTPException(404, "not found") from error


def _named(request: Request, parameter: str, pattern: re.Pattern[str]) -> str:
    name = str(request.path_params[parameter])
    if pattern.fullmatch(name) is None:
        raise HTTPException(400, f"malformed {parameter}")
    return name


def _answer(
    request: Request, content: bytes, media_type: str, *, tag: str = "", extra: dict[str, str] | None = None
) -> Response:
    tag = f'"{tag or content_digest(content)}"'
    headers = _HEADERS | {"ETag": tag} | (extra or {})
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
