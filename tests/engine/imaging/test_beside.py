"""What a DICOM file says of showing or measuring its picture, and no target has a place for, is named to people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from engine.imaging.decode import decode
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, Pixels
from engine.imaging.told import lost_as_photo
from engine.phases import dry_run
from protocol.vocabulary import FindingCode, Phase
from tests.engine.imaging import dicoms
from tests.engine.tiny import TinyPractice, run_phase

GREY = np.random.default_rng(8).integers(2, 4096, (16, 24)).astype("<u2")
MARK = bytes(3) + b"\x10" + bytes(44)
SQUARE = {"PixelSpacing": ["0.02", "0.02"]}


def overlay(data: bytes | None, position: int = 0, group: int = 0x6000) -> dict[int, tuple[str, object]]:
    parts = {0x0010: ("US", 16), 0x0011: ("US", 24), 0x0040: ("CS", "G"), 0x0050: ("SS", [1, 1]), 0x0100: ("US", 1)}
    drawn = {} if data is None else {0x3000: ("OW", data)}
    return {group << 16 | tag: value for tag, value in {**parts, 0x0102: ("US", position), **drawn}.items()}


def item(name: str) -> list[Dataset]:
    made = Dataset()
    setattr(made, name, [])
    made.LUTLabel = "x"
    return [made]


def drawn(elements: dict[int, tuple[str, object]]) -> Dataset:
    made = Dataset()
    for tag, (form, value) in elements.items():
        made.add_new(tag, form, value)
    return made


def saying(photometric: str = MONOCHROME2, syntax: str = dicoms.EXPLICIT, **more: Any) -> Pixels:
    return decode(dicoms.dicom(GREY, 12, photometric, syntax, **more))


CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "an overlay": ({"elements": drawn(overlay(MARK))}, ("overlay 1",)),
    "the third overlay": ({"elements": drawn(overlay(MARK, group=0x6004))}, ("overlay 3",)),
    "an overlay without a mark": ({"elements": drawn(overlay(bytes(48)))}, ()),
    "an overlay in bits of the samples": ({"elements": drawn(overlay(None, 12))}, ("overlay 1",)),
    "a curve": ({"elements": drawn({0x50023000: ("OW", MARK)})}, ("curve 2",)),
    "graphics": ({"GraphicAnnotationSequence": item("GraphicObjectSequence")}, ("graphic annotations",)),
    "a shape as the samples have": ({"PresentationLUTShape": "IDENTITY"}, ()),
    "a shape unlike the samples": ({"PresentationLUTShape": "INVERSE"}, ("presentation LUT shape INVERSE",)),
    "the shape of a negative": ({"PresentationLUTShape": "INVERSE", "photometric": MONOCHROME1}, ()),
    "a presentation LUT": ({"PresentationLUTSequence": item("GraphicObjectSequence")}, ("presentation LUT",)),
    "a shutter": ({"ShutterShape": "CIRCULAR"}, ("display shutter",)),
    "a colour profile": ({"ICCProfile": b"1234"}, ("colour profile",)),
    "functional groups": (
        {"SharedFunctionalGroupsSequence": item("FrameVOILUTSequence")},
        ("windows, rescale or spacing in functional groups",),
    ),
    "one spacing": (SQUARE, ()),
    "the detector's spacing alone": ({"ImagerPixelSpacing": ["0.02", "0.02"]}, ()),
    "two spacings alike": ({**SQUARE, "ImagerPixelSpacing": ["0.02", "0.02"]}, ()),
    "two spacings": ({**SQUARE, "ImagerPixelSpacing": ["0.03", "0.03"]}, ("imager pixel spacing",)),
    "a scanner's spacing": ({"NominalScannedPixelSpacing": ["0.1", "0.1"]}, ("nominal scanned pixel spacing",)),
    "a calibration": ({**SQUARE, "PixelSpacingCalibrationType": "FIDUCIAL"}, ("spacing calibration FIDUCIAL",)),
    "square pixels": ({"PixelAspectRatio": ["1", "1"]}, ()),
    "oblong pixels": ({"PixelAspectRatio": ["1", "2"]}, ("pixel aspect ratio",)),
    "magnification": (
        {"EstimatedRadiographicMagnificationFactor": "1.2"},
        ("radiographic magnification factor",),
    ),
    "units": ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "OD"}, ("rescale type OD",)),
    "no units": ({"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"}, ()),
    "padding that is met": ({"PixelPaddingValue": int(GREY[3, 4])}, ("pixel padding",)),
    "padding that is not met": ({"PixelPaddingValue": 0}, ()),
    "a range of padding": ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}, ("pixel padding",)),
}


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT])
@pytest.mark.parametrize("name", CASES)
def test_what_has_no_place_is_named_and_what_says_nothing_is_not(name: str, syntax: str) -> None:
    said, named = CASES[name]
    assert saying(syntax=syntax, **said).beside == named


def test_a_photo_says_what_its_png_cannot() -> None:
    assert lost_as_photo(saying(elements=drawn(overlay(MARK)))) == ("12 bits of 16, shown darker", "overlay 1")
    assert lost_as_photo(Pixels(GREY, 16, MONOCHROME2)) == ()


def test_the_dry_run_tells_people_of_an_overlay(tmp_path: Path) -> None:
    practice = TinyPractice()
    drawn_over = dicoms.dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, elements=drawn(overlay(MARK)))
    practice.add_image(50, 111, "1.2.11/overlay.dcm", drawn_over, category="PANORAMIC")
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, practice.build(tmp_path / "practice"))
    lost = [(found.image, found.detail) for found in told.findings if found.code is FindingCode.DISPLAY_RULE_LOST]
    assert lost == [("50", "overlay 1")]
