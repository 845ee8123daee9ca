"""Where the page files lie, for navigation and links."""

from icicore.settings import PROJECT

PAGES = PROJECT / "pages"
STATIC = PROJECT / "icicore" / "ui" / "static"
CASES, CASE, ABOUT = (PAGES / name for name in ("cases.py", "case.py", "about.py"))
MODELS = PAGES / "models.py"
TRAINING = PAGES / "training.py"
COMPARE, COHORT = (PAGES / name for name in ("compare.py", "cohort.py"))
