"""Launcher: ``streamlit run app.py`` serves the pages, the tile server and the worker from one port.

Streamlit finds the assignment ``app = st.App(...)``, imports this file once and serves it. The script it runs for each
session lies in the package, not here: beside a folder named ``pages`` Streamlit would serve those files without the
login.
"""

from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from streamlit import config

    from icicore.access import Person
    from icicore.addresses import PAGES, installation_secret
    from icicore.jobs.worker import lifespan
    from icicore.server import Access, build_routes, build_shell_routes, enable_tcp_nodelay
    from icicore.settings import read_settings
    from icicore.ui.login import person_of_cookies
    from icicore.workflows.annotations import annotations_of
    from icicore.workflows.services import build_services
    from icicore.workflows.tile_neighbours import stain_of
    from icicore.workflows.visibility import sees_case, sees_slide

    services = build_services(read_settings())

    def export_report(case_key: str, kind: str, by: Person | None) -> bytes:
        """Make a file to take away; imported when the first one is asked for, as drawing takes long to load."""
        from icicore.workflows import case_export

        return case_export.export_case(services, case_key, kind, by=by)

    enable_tcp_nodelay()
    base = str(config.get_option("server.baseUrlPath") or "")
    app = st.App(
        "icicore/ui/main.py",
        routes=build_shell_routes(base, Path(st.__file__).parent / "static" / "index.html", PAGES)
        + build_routes(
            base,
            find_slide=services.find_slide,
            results_dir=services.settings.results_dir,
            secret=installation_secret(services.settings.home),
            export_report=export_report,
            annotations=annotations_of(services),
            stain_of=partial(stain_of, services),
            access=Access(
                partial(person_of_cookies, services.settings),
                partial(sees_case, services),
                partial(sees_slide, services),
            ),
        ),
        lifespan=lifespan,
    )
else:  # a test runs this file as a Streamlit script
    from icicore.ui.main import main

    main()
