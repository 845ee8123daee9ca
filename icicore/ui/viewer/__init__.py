"""Browser components: the slide viewer and the tile sheet.

Slides, grids and thumbnails reach the browser from the tile server on the same port; Streamlit carries only small
messages (which slides, which tile was clicked). Opacity, threshold and colour map change in the browser, without a
rerun.
"""

from icicore.ui.viewer.components import SheetEvents as SheetEvents
from icicore.ui.viewer.components import ViewerEvents as ViewerEvents
from icicore.ui.viewer.components import slide_viewer as slide_viewer
from icicore.ui.viewer.components import tile_sheet as tile_sheet
from icicore.ui.viewer.urls import ViewerUrls as ViewerUrls
from icicore.ui.viewer.urls import viewer_urls as viewer_urls
