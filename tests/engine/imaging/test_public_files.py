"""Every public DICOM file that pydicom ships: it decodes, or it has the documented code; none is a surprise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest

from engine.imaging.decode import decode
from engine.imaging.pixels import Pixels
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode

STORE = Path(next(iter(data_store.__path__))) / "data"
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in STORE.rglob("*") if path.suffix == ".dcm")
SMALL = sorted(path for path in SHIPPED.glob("*.dcm"))

# What does not decode, and why: several frames, volumes, 32-bit samples.
CODES = {
    FindingCode.MULTIFRAME: {
        *("OBXXXX1A_2frame", "OBXXXX1A_expb_2frame", "OBXXXX1A_rle_2frame", "SC_rgb_16bit_2frame", "SC_rgb_2frame"),
        *("SC_rgb_32bit_2frame", "SC_rgb_expb_16bit_2frame", "SC_rgb_expb_2frame", "SC_rgb_expb_32bit_2frame"),
        *("color3d_jpeg_baseline", "liver", "liver_expb"),
    },
    FindingCode.VOLUME: {
        *("eCT_Supplemental", "emri_small", "emri_small_RLE", "emri_small_big_endian", "emri_small_jpeg_2k_lossless"),
        *("emri_small_jpeg_2k_lossless_too_short", "emri_small_jpeg_ls_lossless"),
    },
    FindingCode.NO_DECODER: {"SC_rgb_32bit", "SC_rgb_expb_32bit"},
}
EXPECTED = {name: code for code, names in CODES.items() for name in names}


def picture(name: str) -> Pixels:
    folder = STORE if (STORE / f"{name}.dcm").exists() else SHIPPED
    return decode((folder / f"{name}.dcm").read_bytes())


def outcome(path: Path) -> FindingCode | None:
    try:
        decode(path.read_bytes())
    except ImageProblem as problem:
        return problem.code
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_of_the_store_decodes_or_has_its_code(path: Path) -> None:
    assert outcome(path) == EXPECTED.get(path.stem)


def test_of_the_files_shipped_with_pydicom_none_is_a_surprise() -> None:
    outcomes = Counter(outcome(path) for path in SMALL)
    assert outcomes[None] >= 48
    assert outcome(SHIPPED / "MR_truncated.dcm") is FindingCode.TRUNCATED
    assert outcome(SHIPPED / "rtdose.dcm") is FindingCode.VOLUME
    for name in ("rtplan", "reportsi", "test-SR", "waveform_ecg", "badVR"):
        assert outcome(SHIPPED / f"{name}.dcm") is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RG1_UNCR", "RG1_J2KR"),
        ("RG3_UNCR", "RG3_J2KR"),
        ("MR2_UNCR", "MR2_J2KR"),
        ("693_UNCR", "693_J2KR"),
        ("US1_UNCR", "US1_J2KR"),
        ("RG1_UNCI", "RG1_J2KI"),
        ("RG3_UNCI", "RG3_J2KI"),
        ("OBXXXX1A", "OBXXXX1A_expb"),
        ("OBXXXX1A", "OBXXXX1A_rle"),
        ("gdcm-US-ALOKA-16", "gdcm-US-ALOKA-16_big"),
        ("SC_rgb", "SC_rgb_expb"),
        ("SC_rgb_16bit", "SC_rgb_expb_16bit"),
        ("color-px", "color-pl"),
        ("JPEG2000_UNC", "JPEG2000"),
        ("MR_small", "MR_small_RLE"),
        ("MR_small", "MR_small_bigendian"),
        ("MR_small", "MR_small_expb"),
        ("MR_small", "MR_small_implicit"),
        ("MR_small", "MR_small_jp2klossless"),
        ("MR_small", "MR_small_jpeg_ls_lossless"),
        ("MR_small", "MR_small_padded"),
        ("SC_rgb", "SC_rgb_rle"),
        ("SC_rgb_16bit", "SC_rgb_rle_16bit"),
        ("SC_rgb_small_odd", "SC_rgb_small_odd_big_endian"),
        ("liver_1frame", "liver_expb_1frame"),
    ],
)
def test_one_picture_in_two_encodings_is_one_picture(one: str, other: str) -> None:
    first, second = picture(one), picture(other)
    assert np.array_equal(first.array, second.array)
    assert (first.photometric, first.signed, first.window) == (second.photometric, second.signed, second.window)


@pytest.mark.parametrize(("name", "bits", "shape"), [("RG1_UNCR", 15, (1955, 1841)), ("RG3_UNCR", 10, (1760, 1760))])
def test_a_radiograph_is_what_its_header_says(name: str, bits: int, shape: tuple[int, int]) -> None:
    pixels = picture(name)
    assert (pixels.bits_stored, pixels.array.shape, pixels.photometric) == (bits, shape, "MONOCHROME1")
    assert not pixels.lossy
    assert picture(name.replace("UNCR", "J2KI")).lossy


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_dcmtk_+eb+cr", "SC_rgb_dcmtk_+eb+cy+np", "SC_rgb_jpeg_dcmtk", "SC_rgb_jpeg_lossy_gdcm"],
)
def test_the_colours_of_a_baseline_jpeg_are_right_whichever_transform_it_used(name: str) -> None:
    difference = np.abs(picture(name).array.astype(int) - picture("SC_rgb").array)
    assert np.median(difference) <= 2


@pytest.mark.parametrize("name", ["SC_jpeg_no_color_transform", "SC_jpeg_no_color_transform_2", "SC_rgb_jpeg"])
def test_a_grey_photo_stored_as_untransformed_rgb_stays_grey(name: str) -> None:
    array = picture(name).array.astype(int)
    assert np.median(array.max(axis=2) - array.min(axis=2)) <= 2
