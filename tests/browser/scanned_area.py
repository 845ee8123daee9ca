"""A slide whose scanned area lies inside a larger frame, as Leica scanners write it (``openslide.bounds-x/y``)."""

from pathlib import Path

import cv2
import tifffile

from icicore.types import Rgb

_XML = """<?xml version="1.0"?>
<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:0">
 <collection name="test" uuid="urn:uuid:1" sizeX="{frame_x}" sizeY="{frame_y}">
  <image name="main" uuid="urn:uuid:2">
   <device model="Leica SCN400;Leica SCN" version="1.0"/>
   <pixels sizeX="{width}" sizeY="{height}">{dimensions}</pixels>
   <view sizeX="{size_x}" sizeY="{size_y}" offsetX="{left}" offsetY="{top}" spacingZ="0"/>
   <scanSettings>
    <objectiveSettings><objective>20</objective></objectiveSettings>
    <illuminationSettings><illuminationSource>brightfield</illuminationSource></illuminationSettings>
   </scanSettings>
  </image>
 </collection>
</scn>"""


def make_scn(
    path: Path, image: Rgb, *, mpp: float, offset: tuple[int, int], levels: tuple[float, ...] = (1, 4)
) -> Path:
    """Write an image (height, width, 3) whose corner lies at ``offset`` (x, y) level-0 px of the slide."""
    height, width = image.shape[:2]
    sizes = [(round(width / f), round(height / f)) for f in levels]
    nm = mpp * 1000
    text = _XML.format(
        width=width,
        height=height,
        size_x=round(width * nm),
        size_y=round(height * nm),
        left=round(offset[0] * nm),
        top=round(offset[1] * nm),
        frame_x=round((width + 2 * offset[0]) * nm),
        frame_y=round((height + 2 * offset[1]) * nm),
        dimensions="".join(f'<dimension sizeX="{w}" sizeY="{h}" r="{i}" ifd="{i}"/>' for i, (w, h) in enumerate(sizes)),
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for i, size in enumerate(sizes):
            tiff.write(
                cv2.resize(image, size, interpolation=cv2.INTER_AREA),
                tile=(256, 256),
                photometric="rgb",
                metadata=None,
                compression="jpeg",
                compressionargs={"level": 90},
                resolution=(1e4 / mpp * sizes[i][0] / width, 1e4 / mpp * sizes[i][0] / width),
                resolutionunit="CENTIMETER",
                description=text if i == 0 else None,
            )
    return path
