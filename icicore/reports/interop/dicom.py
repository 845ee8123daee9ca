"""Explanation layers as DICOM Parametric Maps: 32-bit floats, one pixel per tile (or part of a tile).

A map of a DICOM slide refers to the slide's study, frame of reference and images, so that a viewer lays it over the
slide. For every other format these identifiers are derived from the digest of the slide: maps of one slide belong
together, whoever exports them.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage

from icicore import __version__
from icicore.reports.interop.content import CaseContent, SlideResult, derived_uuid, finite_range
from icicore.types import F32, Json

LAYERS = ("attention", "contribution", "leave_one_out", "gradcam", "gradcam_signed")
PADDING = -1000.0
"""Stands for "no tissue": far outside the range of every layer. Stated in Float Pixel Padding Value."""
_NO_UNITS = Code("1", "UCUM", "no units")
_MAKER = "icicore"
_SERIES_NUMBER = 901
_UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, eq=False)
class SlideFrame:
    """Where level-0 pixels lie in the slide's frame of reference.

    ``origin_mm`` is the centre of the first pixel, ``orientation`` the directions of rows and columns, ``mpp`` in
    micrometres per pixel.
    """

    origin_mm: tuple[float, float]
    orientation: tuple[float, ...]
    mpp: float

    def centre_mm(self, x_l0: float, y_l0: float) -> tuple[float, float, float]:
        """Coordinates of a level-0 point (pixel centres at whole numbers), mm."""
        along, down = np.asarray(self.orientation[:3]), np.asarray(self.orientation[3:])
        place = np.array([*self.origin_mm, 0.0]) + (along * x_l0 + down * y_l0) * self.mpp / 1000
        return float(place[0]), float(place[1]), float(place[2])


def dicom_files(content: CaseContent, sources: dict[str, Dataset]) -> dict[str, bytes]:
    """File name to content: one object per slide and layer.

    Parameters
    ----------
    content : the result
    sources : slide id to the metadata of the slide's full-resolution image, for slides in DICOM
    """
    files = {}
    for slide in content.slides:
        source = sources.get(slide.slide_id)
        frame_of = _named(_stand_in(slide) if source is None else _usable(source), content, slide)
        for number, layer in enumerate(_layers(slide), start=1):
            files[f"{slide.slide_id}_{layer['id']}.dcm"] = _file(content, slide, frame_of, layer, number)
    return files


def _layers(slide: SlideResult) -> list[Json]:
    known = {str(layer["id"]): layer for layer in slide.layers["layers"]}
    return [known[name] for name in LAYERS if name in known and name in slide.grids]


def _file(content: CaseContent, slide: SlideResult, source: Dataset, layer: Json, number: int) -> bytes:
    name, grid = str(layer["id"]), slide.grids[str(layer["id"])]
    side = float(slide.layers["tile_l0"]) / int(layer["cells_per_tile"])
    made = hd.pm.ParametricMap(
        source_images=[source],
        pixel_array=np.where(np.isfinite(grid), grid, PADDING).astype(np.float32)[np.newaxis],
        series_instance_uid=_uid(content.uuid("dicom", slide.slide_id, "series")),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=_uid(content.uuid("dicom", slide.slide_id, name)),
        instance_number=number,
        manufacturer=_MAKER,
        manufacturer_model_name=str(content.bundle.get("name", ""))[:64],
        software_versions=__version__,
        device_serial_number=str(content.bundle.get("digest", ""))[:16] or "0",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping(layer, grid)],
        voi_lut_transformations=[_window(grid)],
        content_label=name.upper()[:16],
        content_description=str(layer.get("meaning", name))[:64],
        pixel_measures=_measures(slide, side),
        plane_orientation=hd.PlaneOrientationSequence(hd.CoordinateSystemNames.SLIDE, source.ImageOrientationSlide),
        plane_positions=[_position(slide, source, side)],
    )
    _settle(made, content, layer)
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _mapping(layer: Json, grid: F32) -> hd.pm.RealWorldValueMapping:
    return hd.pm.RealWorldValueMapping(
        lut_label=str(layer["id"]).upper()[:16],
        lut_explanation=str(layer.get("meaning", layer["id"]))[:64],
        unit=_NO_UNITS,
        value_range=finite_range(grid),
        slope=1.0,
        intercept=0.0,
    )


def _window(grid: F32) -> hd.VOILUTTransformation:
    low, high = finite_range(grid)
    # The plain linear function is defined for widths of at least 1; most layers span less.
    return hd.VOILUTTransformation((low + high) / 2, max(high - low, 1e-6), voi_lut_function="LINEAR_EXACT")


def _measures(slide: SlideResult, side_l0: float) -> hd.PixelMeasuresSequence:
    spacing = side_l0 * float(slide.layers["mpp"]) / 1000
    # Thickness of a section is not recorded by scanners; the standard asks for a value, and this one is usual.
    return hd.PixelMeasuresSequence(pixel_spacing=(spacing, spacing), slice_thickness=0.004)


def _position(slide: SlideResult, source: Dataset, side_l0: float) -> hd.PlanePositionSequence:
    left, top = (float(v) for v in slide.layers["origin_l0"])
    place = _frame(source).centre_mm(left + side_l0 / 2 - 0.5, top + side_l0 / 2 - 0.5)
    return hd.PlanePositionSequence(hd.CoordinateSystemNames.SLIDE, image_position=place, pixel_matrix_position=(1, 1))


def _frame(source: Dataset) -> SlideFrame:
    origin = source.TotalPixelMatrixOriginSequence[0]
    spacing = source.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    orientation = tuple(float(v) for v in source.ImageOrientationSlide)
    place = (float(origin.XOffsetInSlideCoordinateSystem), float(origin.YOffsetInSlideCoordinateSystem))
    return SlideFrame(place, orientation, float(spacing[0]) * 1000)


def _settle(made: Dataset, content: CaseContent, layer: Json) -> None:
    """Dates of the result instead of those of the export, so that the bytes never change; what the class leaves out."""
    day, time = content.scored_at.strftime("%Y%m%d"), content.scored_at.strftime("%H%M%S")
    made.ContentDate, made.ContentTime = day, time
    made.InstanceCreationDate, made.InstanceCreationTime = day, time
    made.SeriesDate, made.SeriesTime = day, time
    made.FloatPixelPaddingValue = made.FloatPixelPaddingRangeLimit = PADDING
    made.ContributingEquipmentSequence[0].ContributionDateTime = f"{day}{time}"
    organization = _uid(content.uuid("dicom", str(made.SeriesInstanceUID), "dimensions"))
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    made.SeriesDescription = "icicore explanation, research use only"
    made.ImageComments = (
        f"{layer.get('meaning', layer['id'])}; result {content.result_digest}; {PADDING:g} is no tissue"
    )
    made.PatientName = ""
    for keyword in ("PatientBirthDate", "PatientSex"):
        setattr(made, keyword, "")


def _usable(source: Dataset) -> Dataset:
    """Metadata of a DICOM slide without what is known of patient and specimen."""
    kept = Dataset()
    kept.file_meta = FileMetaDataset()
    kept.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    for keyword in _KEPT:
        if keyword in source:
            setattr(kept, keyword, source[keyword].value)
    return kept


_KEPT = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "Modality", "ImageType", "Rows", "Columns", "NumberOfFrames",
    "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "TotalPixelMatrixRows", "TotalPixelMatrixColumns", "TotalPixelMatrixFocalPlanes", "TotalPixelMatrixOriginSequence",
    "ImageOrientationSlide", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "DimensionOrganizationType", "DimensionOrganizationSequence", "DimensionIndexSequence", "ImagedVolumeWidth",
    "ImagedVolumeHeight", "ImagedVolumeDepth", "VolumetricProperties", "ExtendedDepthOfField", "FocusMethod",
    "NumberOfOpticalPaths",
)  # fmt: skip


_EMPTY = ("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "ReferringPhysicianName")


def _named(source: Dataset, content: CaseContent, slide: SlideResult) -> Dataset:
    """The source under the case id, its glass and specimen under the digest of the slide."""
    source.PatientID, source.ContainerIdentifier = content.case_id, slide.slide_id
    for keyword in _EMPTY:
        setattr(source, keyword, "")
    source.IssuerOfTheContainerIdentifierSequence, source.ContainerTypeCodeSequence = [], []
    specimen = _uid(derived_uuid(str(slide.layers["digest"]), "specimen"))
    source.SpecimenDescriptionSequence = [hd.SpecimenDescription(slide.slide_id, specimen)]
    source.StudyDate = content.scored_at.strftime("%Y%m%d")
    source.StudyTime = content.scored_at.strftime("%H%M%S")
    return source


def _stand_in(slide: SlideResult) -> Dataset:
    """Metadata of an image that a slide of another format would be, with identifiers derived from its digest."""
    layers, made = slide.layers, Dataset()
    digest, mpp = str(layers["digest"]), float(layers["mpp"])
    width, height = int(layers["width_l0"]), int(layers["height_l0"])
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.Modality = VLWholeSlideMicroscopyImageStorage, "SM"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
        setattr(made, keyword, _uid(derived_uuid(digest, keyword)))
    made.PositionReferenceIndicator = "SLIDE_CORNER"
    made.ImageType, made.DimensionOrganizationType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "TILED_FULL"
    made.Rows, made.Columns, made.NumberOfFrames, made.SamplesPerPixel = height, width, 1, 3
    made.PhotometricInterpretation, made.PixelRepresentation = "RGB", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.TotalPixelMatrixRows, made.TotalPixelMatrixColumns, made.TotalPixelMatrixFocalPlanes = height, width, 1
    made.ImageOrientationSlide, made.NumberOfOpticalPaths = list(_UPRIGHT), 1
    made.ImagedVolumeWidth, made.ImagedVolumeHeight, made.ImagedVolumeDepth = width * mpp / 1e3, height * mpp / 1e3, 4.0
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = origin.YOffsetInSlideCoordinateSystem = 0.0
    made.TotalPixelMatrixOriginSequence = [origin]
    shared = Dataset()
    shared.PixelMeasuresSequence = hd.PixelMeasuresSequence(pixel_spacing=(mpp / 1e3, mpp / 1e3), slice_thickness=0.004)
    made.SharedFunctionalGroupsSequence = [shared]
    return made


def base_image(datasets: Sequence[Dataset]) -> Dataset | None:
    """The full-resolution image among the files of a slide; None when there is none with a place on the slide."""
    volumes = [d for d in datasets if d.get("SOPClassUID") == VLWholeSlideMicroscopyImageStorage]
    volumes = [d for d in volumes if "VOLUME" in (d.get("ImageType") or []) and "TotalPixelMatrixOriginSequence" in d]
    return max(volumes, key=lambda d: int(d.TotalPixelMatrixColumns), default=None)


def _uid(value: UUID) -> str:
    return f"2.25.{value.int}"
