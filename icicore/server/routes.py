"""The routes as a list; everything they depend on is passed in."""

import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from icicore.addresses import ROOT, STATIC, asset_digest
from icicore.server.access import Access, Guard
from icicore.server.annotations import AnnotationRoutes, OpenAnnotations
from icicore.server.normalised import NormalisedRoutes, StainOf
from icicore.server.reports import ExportReport, ReportRoutes
from icicore.server.results import ResultRoutes
from icicore.server.slides import SlideRoutes
from icicore.server.sources import FindSlide, OpenSource, SourcePool, open_deepzoom


class _Assets(StaticFiles):
    """Browser files; their address holds their digest, so they are kept for good."""

    def file_response(
        self, full_path: "os.PathLike[str] | str", stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def build_routes(
    base: str,
    *,
    find_slide: FindSlide,
    results_dir: Path,
    secret: str,
    open_source: OpenSource = open_deepzoom,
    export_report: ExportReport | None = None,
    annotations: OpenAnnotations | None = None,
    access: Access | None = None,
    stain_of: StainOf | None = None,
) -> list[BaseRoute]:
    """Build the routes of the tile server.

    Parameters
    ----------
    base : path prefix of the Streamlit server (its ``server.baseUrlPath``), empty when there is none
    find_slide : resolves slide ids; the server never sees a path in a request
    results_dir : folder of results, ``<case>/<bundle>/slides/<slide>/``
    secret : the installation's secret that signs the tokens
    open_source : opens a slide for display
    export_report : makes the report of a case; without it there are no reports
    annotations : opens the annotations of a slide; None: there are none to be had
    stain_of : how a slide's colours were normalised; None: no tile is shown normalised
    access : who asks and what they may see; None: whoever holds a signed address may use it

    Returns
    -------
    list of routes
        The last one answers 404 for every other address under the root, which would otherwise get Streamlit's page.
    """
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    root = f"{prefix}/{ROOT}"
    pool = SourcePool(find_slide, open_source)
    slides = SlideRoutes(pool, secret)
    results = ResultRoutes(results_dir, secret)
    result = "{case}/{bundle}/{slide}"
    reports = [] if export_report is None else [ReportRoutes(export_report, secret)]
    routes: list[BaseRoute] = [
        *(Route(f"{root}/report/{{case}}.{{kind}}", r.report) for r in reports),
        Route(f"{root}/slide/{{slide}}.json", slides.info),
        Route(f"{root}/tiles/{{slide}}/{{level:int}}/{{col:int}}_{{row:int}}.jpg", slides.tile),
        Route(f"{root}/region/{{slide}}.jpg", slides.region),
        Route(f"{root}/grid/{result}/{{layer}}.f32", results.grid),
        Route(f"{root}/sheet/{result}/{{page}}.jpg", results.sheet),
        Route(f"{root}/sheetinfo/{result}.json", results.sheet_info),
        Route(f"{root}/tilestable/{result}.json", results.table),
        *(AnnotationRoutes(pool, annotations, secret).routes(root) if annotations else []),
        *(NormalisedRoutes(pool, stain_of, secret).routes(root) if stain_of else []),
        Mount(f"{root}/static/{asset_digest()}", _Assets(directory=STATIC)),
        Route(root, _not_found),
        Route(f"{root}/{{rest:path}}", _not_found),
    ]
    return routes if access is None else Guard(access, secret).guard(routes)


def _not_found(request: Request) -> Response:
    return PlainTextResponse("not found", 404)
