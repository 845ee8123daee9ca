"""The report of a case as a download."""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from icicore.access import Person
from icicore.addresses import BadToken, check, is_key, report_id
from icicore.errors import IcicoreError, StorageError

ExportReport: TypeAlias = Callable[[str, str, Person | None], bytes]
"""Case key, kind and who asks (None: the local user) to the file; logs the export. Raises ``IcicoreError``."""

_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf",
    "json": "application/json",
    "fhir": "application/fhir+json",
    "dicom": "application/zip",
    "csv": "application/zip",
    "geojson": "application/zip",
}


class ReportRoutes:
    """Answers with the report of a case, made when it is asked for."""

    def __init__(self, export: ExportReport, secret: str) -> None:
        self._export, self._secret = export, secret

    def report(self, request: Request) -> Response:
        """Answer with the file; 400 when the address is malformed, 403 without a valid token, 404 without a result."""
        case, kind = str(request.path_params["case"]), str(request.path_params["kind"])
        if not is_key(case) or kind not in _TYPES:
            raise HTTPException(400, "malformed address of a report")
        try:
            check(self._secret, request.query_params.get("t", ""), report_id(case), now=time.time())
        except BadToken as error:
            raise HTTPException(403, "forbidden") from error
        if request.headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
            raise HTTPException(403, "the request comes from another site")  # an export is logged
        headers = {
            "Content-Disposition": "attachment",  # the page's link names the file after the case
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        if request.method == "HEAD":  # only a download is an export, and is logged as one
            return Response(media_type=_TYPES[kind], headers=headers)
        try:
            content = self._export(case, kind, getattr(request.state, "person", None))
        except StorageError as error:
            return PlainTextResponse(str(error), 507)
        except IcicoreError as error:
            return PlainTextResponse(str(error), 404)
        return Response(content, media_type=_TYPES[kind], headers=headers)
