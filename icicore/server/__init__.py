"""Starlette routes beside the Streamlit app: deep-zoom tiles, explanation grids, thumbnails, browser files."""

from icicore.server.access import Access as Access
from icicore.server.nodelay import enable_tcp_nodelay as enable_tcp_nodelay
from icicore.server.routes import build_routes as build_routes
from icicore.server.shell import build_shell_routes as build_shell_routes
