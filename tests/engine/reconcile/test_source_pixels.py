"""The reconciler's own decoders, on public files and against another library."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import data_store
import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from engine.reconcile.dicom_reader import DicomTruncated, DicomUnreadable, read_dicom
from engine.reconcile.photo import look_at_photo
from engine.reconcile.picture import SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode
from tests.engine.reconcile.shots import colour, dicom, encoded, grey

FILES = Path(data_store.__file__).parent
SAME_AS_PYDICOM = (
    *("693_J2KR", "693_UNCI", "693_UNCR", "JPEG-LL", "JPEG2000_UNC", "JPGLosslessP14SV1_1s_1f_8b"),
    *(
        "MR-SIEMENS-DICOM-WithOverlays",
        "MR2_J2KI",
        "MR2_J2KR",
        "MR2_UNCI",
        "RG1_J2KR",
        "RG1_UNCR",
        "RG3_J2KI",
        "RG3_J2KR",
    ),
    *("RG3_UNCR", "SC_rgb", "SC_rgb_16bit", "SC_rgb_expb", "SC_rgb_expb_16bit", "SC_ybr_full_uncompressed", "US1_J2KI"),
    *("US1_J2KR", "US1_UNCR", "bad_sequence", "color-pl", "color-px", "explicit_VR-UN", "mlut_18", "vlut_04"),
)


def _file(name: str) -> Path:
    return next(FILES.rglob(f"{name}.dcm"))


@pytest.mark.parametrize("name", SAME_AS_PYDICOM)
def test_a_public_file_shows_the_samples_that_another_library_finds(name: str) -> None:
    path = _file(name)
    with warnings.catch_warnings(action="ignore"):
        expected = pixel_array(pydicom.dcmread(path))
    seen = look_at(path.read_bytes())
    assert np.array_equal(seen.words(), expected.astype("<u2"))


@pytest.mark.parametrize("pair", [("RG1_UNCR", "RG1_J2KR"), ("RG3_UNCR", "RG3_J2KR"), ("RG1_UNCI", "RG1_J2KI")])
def test_one_radiograph_in_two_encodings_shows_the_same_picture(pair: tuple[str, str]) -> None:
    one, two = (look_at(path.read_bytes()) for path in map(_file, pair))
    assert np.array_equal(one.samples, two.samples)
    assert one.low_is_white and two.low_is_white and one.bits_stored == two.bits_stored


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("emri_small", FindingCode.VOLUME),
        ("color3d_jpeg_baseline", FindingCode.MULTIFRAME),
        ("emri_small_jpeg_2k_lossless_too_short", FindingCode.VOLUME),
        ("SC_rgb_32bit", FindingCode.NO_DECODER),
    ],
)
def test_a_public_file_that_gives_no_picture_says_why(name: str, code: FindingCode) -> None:
    path = _file(name)
    with pytest.raises(SourceWanting) as wanting:
        look_at(path.read_bytes())
    assert wanting.value.code is code


def test_a_palette_gives_its_colours() -> None:
    one, two = _file("OBXXXX1A"), _file("OBXXXX1A_rle")
    assert np.array_equal(look_at(one.read_bytes()).samples, look_at(two.read_bytes()).samples)


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_odd_byte_orders_and_deflated_files_are_read(syntax: str) -> None:
    pixels = grey(1)
    data = pydicom.dcmread(io.BytesIO(dicom(pixels.byteswap() if syntax == ExplicitVRBigEndian else pixels)))
    data.file_meta.TransferSyntaxUID = syntax
    target = io.BytesIO()
    pydicom.dcmwrite(
        target, data, enforce_file_format=True, implicit_vr=False, little_endian=syntax != ExplicitVRBigEndian
    )
    assert np.array_equal(look_at(target.getvalue()).samples, pixels)


def test_every_cut_of_a_dicom_file_is_truncated_or_unreadable_never_a_picture() -> None:
    whole = dicom(grey(1))
    for end in range(1, len(whole) - 1, 7):
        with pytest.raises(SourceWanting) as wanting:
            look_at(whole[:end])
        assert wanting.value.code in (FindingCode.TRUNCATED, FindingCode.UNREADABLE_FILE)


def test_a_whole_header_with_fewer_samples_is_truncated() -> None:
    with pytest.raises(SourceWanting) as wanting:
        look_at(dicom(grey(1))[:-3])
    assert wanting.value.code is FindingCode.TRUNCATED


def test_bits_beside_the_stored_ones_are_not_part_of_a_sample() -> None:
    stored = np.array([[0xF123, 0x0FFF]], dtype=np.uint16)
    assert look_at(dicom(stored, BitsStored=12)).samples.tolist() == [[0x123, 0xFFF]]
    shifted = pydicom.dcmread(io.BytesIO(dicom(np.array([[0x1230, 0xFFF4]], dtype=np.uint16), BitsStored=12)))
    shifted.HighBit = 15
    target = io.BytesIO()
    pydicom.dcmwrite(target, shifted, enforce_file_format=True)
    assert look_at(target.getvalue()).samples.tolist() == [[0x123, 0xFFF]]


def test_a_file_without_preamble_is_read() -> None:
    whole = dicom(grey(1))
    assert np.array_equal(look_at(whole[132:]).samples, grey(1))


@pytest.mark.parametrize("seed", range(3))
def test_sixteen_bit_colour_keeps_every_bit_in_png(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 1 << 16, (13, 17, 3), dtype=np.uint16)
    smooth = (np.add.outer(np.arange(25), np.arange(30))[..., None] * [100, 731, 13] + noise[:1, :1]).astype(np.uint16)
    for picture in (noise, smooth):
        seen = look_at_photo(imagecodecs.png_encode(picture, level=9))
        assert (seen.bits_allocated, seen.format) == (16, "png")
        assert np.array_equal(seen.samples, picture)


def test_samples_of_two_complement_keep_their_sign_in_sixteen_bits() -> None:
    signed = np.array([[-1, 5], [-2048, 2047]], dtype=np.int16)
    stored = (signed & 0x0FFF).astype("<u2")
    seen = look_at(dicom(stored, BitsStored=12, PixelRepresentation=1))
    assert np.array_equal(seen.words(), signed.view("<u2"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP"])
def test_a_photo_is_read_whatever_its_format(form: str) -> None:
    data = encoded(colour(1), form) if form != "JPEG" else encoded(colour(1), "JPEG")
    seen = look_at(data)
    assert (seen.format, seen.bits_stored, seen.is_colour) == (form.lower(), 8, True)
    assert form == "JPEG" or np.array_equal(seen.samples, colour(1))


def test_sixteen_bit_grey_keeps_every_bit_in_png_and_tiff() -> None:
    pixels = grey(3, bits=16)
    for form in ("PNG", "TIFF"):
        seen = look_at_photo(encoded(pixels, form))
        assert seen.bits_stored == 16
        assert np.array_equal(seen.samples, pixels)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photo_cut_short_is_truncated(form: str) -> None:
    whole = encoded(colour(1), form)
    with pytest.raises(SourceWanting) as wanting:
        look_at(whole[: len(whole) // 2])
    assert wanting.value.code is FindingCode.TRUNCATED


def test_several_frames_and_files_of_nothing_are_told_apart() -> None:
    film = io.BytesIO()
    Pillow.fromarray(colour(1)).save(film, "TIFF", save_all=True, append_images=[Pillow.fromarray(colour(2))])
    for data, code in (
        (film.getvalue(), FindingCode.MULTIFRAME),
        (b"", FindingCode.EMPTY_FILE),
        (b"not a picture at all", FindingCode.UNREADABLE_FILE),
    ):
        with pytest.raises(SourceWanting) as wanting:
            look_at(data)
        assert wanting.value.code is code


def test_a_parser_fed_noise_raises_only_its_own_errors() -> None:
    random, whole = np.random.default_rng(7), dicom(grey(1))
    for _ in range(400):
        data = bytearray(whole)
        for place in random.integers(132, len(whole), 6):
            data[place] = random.integers(256)
        try:
            read_dicom(bytes(data))
        except (DicomTruncated, DicomUnreadable):
            continue
