"""Addresses of what the browser components fetch."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlparse

import streamlit as st
from streamlit import config
from streamlit.runtime.scriptrunner import get_script_run_ctx

from icicore.addresses import ROOT, asset_digest, mint, mint_writer, report_id
from icicore.fingerprint import fingerprint
from icicore.types import Json


@dataclass(frozen=True)
class ViewerUrls:
    """Addresses of one case's results under one bundle, as the browser sees them.

    Attributes
    ----------
    root : path of the tile server, for example ``/icicore``
    assets : path of the browser files
    case_key, bundle : folder names of the result (bundle is the first 16 digits of its digest)
    tokens : slide id (first 16 digits of the slide digest) to signed token
    writers : slide id to the token that saves annotations under the user's name
    user : that name
    """

    root: str
    assets: str
    case_key: str
    bundle: str
    tokens: Mapping[str, str]
    writers: Mapping[str, str] = field(default_factory=dict)
    user: str = ""

    def slide(self, layers: Json) -> Json:
        """Addresses for one slide; ``{level}``, ``{page}`` and the like are filled in by the browser.

        The version in the query changes with the result, so a browser never shows the grids of an older one.
        """
        slide = slide_id(layers)
        signed = urlencode({"t": self.tokens[slide]})
        result = f"{self.case_key}/{self.bundle}/{slide}"
        version = f"{signed}&v={fingerprint(layers)[:12]}"
        return self._annotations(slide, signed) | {
            "info": f"{self.root}/slide/{slide}.json?{signed}",
            "tile": f"{self.root}/tiles/{slide}/{{level}}/{{col}}_{{row}}.jpg?{signed}",
            "grid": f"{self.root}/grid/{result}/{{layer}}.f32?{version}",
            "sheet": f"{self.root}/sheet/{result}/{{page}}.jpg?{version}",
            "sheet_info": f"{self.root}/sheetinfo/{result}.json?{version}",
            "region": f"{self.root}/region/{slide}.jpg?x={{x}}&y={{y}}&size_l0={{size}}&px={{px}}&{signed}",
            "table": f"{self.root}/tilestable/{result}.json?{version}",
        }

    def _annotations(self, slide: str, signed: str) -> Json:
        """Addresses of the slide's annotations; those that change them only where the user may write."""
        root = f"{self.root}/annotations/{slide}"
        reading = {
            "annotations": f"{root}.json?{signed}",
            "annotations_export": f"{root}.geojson?{signed}&origin={{origin}}",
        }
        if slide not in self.writers:
            return reading
        writing = f"{signed}&{urlencode({'w': self.writers[slide]})}"
        return reading | {
            "annotations_import": f"{root}/import?{writing}&origin={{origin}}",
            "annotation": f"{root}/{{id}}.json?{writing}",
        }

    def region(self, slide: str, x_l0: float, y_l0: float, *, size_l0: float, px: int = 256) -> str:
        """Address of a square JPEG cut from the slide: top left corner and side in level-0 px, side in output px."""
        query = {"x": f"{x_l0:.2f}", "y": f"{y_l0:.2f}", "size_l0": f"{size_l0:.3f}", "px": px, "t": self.tokens[slide]}
        return f"{self.root}/region/{slide}.jpg?{urlencode(query)}"

    def normalised(self, slide: str, x_l0: float, y_l0: float, *, size_l0: float, bag: str, px: int = 256) -> str:
        """Address of the same cut in the colours that the encoder saw; ``bag`` is the key of the slide's bag."""
        plain = self.region(slide, x_l0, y_l0, size_l0=size_l0, px=px)
        return f"{plain.replace('/region/', '/normalised/', 1)}&bag={bag}"


def slide_id(layers: Json) -> str:
    """First 16 hexadecimal digits of the slide digest in a layers.json."""
    return str(layers["digest"])[:16]


def viewer_urls(
    case_key: str,
    bundle_digest16: str,
    *,
    slide_ids: Iterable[str],
    secret: str,
    user: str,
    may_write: bool = True,
) -> ViewerUrls:
    """Sign the slides of a case for a user. Gives the same value all day, so a rerun changes nothing in the browser.

    Parameters
    ----------
    case_key, bundle_digest16 : folder names of the result
    slide_ids : slide digests, whole or their first 16 digits
    secret : the installation's secret, the same that the tile server was built with
    user : name of the user; annotations are saved under it
    may_write : False leaves out the addresses that change annotations
    """
    root = f"{_public_base()}/{ROOT}"
    now = time.time()
    tokens = {s[:16]: mint(secret, s[:16], user, now=now) for s in slide_ids}
    writers = {s: mint_writer(secret, s, user, now=now) for s in tokens} if may_write else {}
    return ViewerUrls(root, f"{root}/static/{asset_digest()}", case_key, bundle_digest16, tokens, writers, user)


def assets_url() -> str:
    """Address of the browser files."""
    return f"{_public_base()}/{ROOT}/static/{asset_digest()}"


def report_url(case_key: str, kind: str, *, secret: str, user: str) -> str:
    """Address of the report of a case as ``pdf`` or ``json``; the same all day."""
    token = mint(secret, report_id(case_key), user, now=time.time())
    return f"{_public_base()}/{ROOT}/report/{case_key}.{kind}?{urlencode({'t': token})}"


def _public_base() -> str:
    """Path prefix that the browser sees: the server's base path, or what a proxy put before it."""
    address = st.context.url
    if address is None:  # no browser: AppTest
        base = str(config.get_option("server.baseUrlPath") or "").strip("/")
        return f"/{base}" if base else ""
    path, page = urlparse(address).path.rstrip("/"), _page_path()
    return path[: -len(page) - 1] if page and path.endswith(f"/{page}") else path


def _page_path() -> str:
    """Last segment of the current page's address, empty on the default page."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return ""
    page = context.pages_manager.get_pages().get(context.page_script_hash)
    return str(page.get("url_pathname", "")) if page else ""
