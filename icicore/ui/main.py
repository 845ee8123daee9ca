"""The Streamlit script: navigation over the page files of the project."""

import streamlit as st

from icicore.ui import theme
from icicore.ui.account import account
from icicore.ui.gate import gate
from icicore.ui.places import ABOUT, CASE, CASES, COHORT, COMPARE, MODELS, STATIC, TRAINING


def main() -> None:
    """Register the pages by absolute path and run the current one.

    The pages folder does not lie beside this script: Streamlit would then run a page file directly for a deep link,
    past everything that this function does first.
    """
    # A local picture: an icon by name would be fetched from another server.
    st.set_page_config(page_title="icicore", page_icon=str(STATIC / "favicon.png"), layout="wide")
    theme.apply()
    st.logo(str(STATIC / ("logo-dark.png" if theme.is_dark() else "logo.png")), size="large")
    account(gate())
    page = st.navigation(
        [
            st.Page(CASES, title="Work list", default=True, url_path="work-list"),
            st.Page(work_list, title="Work list", url_path="cases", visibility="hidden"),
            st.Page(CASE, title="Case review", url_path="case"),
            st.Page(COMPARE, title="Compare", url_path="compare"),
            st.Page(COHORT, title="Cohort", url_path="cohort"),
            st.Page(TRAINING, title="Training", url_path="training"),
            st.Page(MODELS, title="Models", url_path="models"),
            st.Page(ABOUT, title="About", url_path="about"),
        ],
        position="top",
    )
    page.run()


def work_list() -> None:
    """Lead from ``/cases`` to the work list, whose address is ``/``."""
    st.switch_page(CASES)


if __name__ == "__main__":
    main()
