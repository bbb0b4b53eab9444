"""DICOM: the same picture in every lossless encoding gives the same pixels; everything else has its own code."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from engine.imaging import limits
from engine.imaging.decode import decode, encoding, is_available
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Lut, Window
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode
from tests.engine.imaging import dicoms
from tests.engine.imaging.dicoms import dicom
from tests.engine.reconcile.two_stacks import disagreement

GREY = np.random.default_rng(7).integers(0, 4096, (11, 6)).astype("<u2")
COLOUR = np.random.default_rng(8).integers(0, 256, (10, 6, 3)).astype(np.uint8)


@st.composite
def stored(draw: st.DrawFn) -> tuple[NDArray[Any], int]:
    """Samples as DICOM may hold them, and how many bits mean something."""
    allocated, colour = draw(st.sampled_from([8, 16])), draw(st.booleans())
    bits, signed = draw(st.integers(1, allocated)), draw(st.booleans()) and not colour
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    shape = (draw(st.integers(1, 12)), draw(st.integers(1, 12)), *((3,) if colour else ()))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    return chance.integers(low, high, shape).astype(f"<{'i' if signed else 'u'}{allocated // 8}"), bits


def code_of(data: bytes) -> FindingCode:
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    return problem.value.code


@pytest.mark.parametrize("syntax", dicoms.LOSSLESS)
@given(picture=stored())
@settings(max_examples=60)
def test_a_lossless_encoding_gives_the_very_samples(syntax: str, picture: tuple[NDArray[Any], int]) -> None:
    array, bits = picture
    pixels = decode(dicom(array, bits, RGB if array.ndim == 3 else MONOCHROME1, syntax))
    assert pixels.array.dtype == array.dtype
    assert np.array_equal(pixels.array, array)
    assert (pixels.bits_stored, pixels.lossy, pixels.signed) == (bits, False, array.dtype.kind == "i")
    assert pixels.photometric == (RGB if array.ndim == 3 else MONOCHROME1)
    assert pixels.encoding == f"dicom {syntax}"


def test_uncompressed_pixels_are_a_view_of_the_file() -> None:
    data = dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT)
    assert np.shares_memory(decode(data).array, np.frombuffer(data, np.uint8))


def test_the_encoding_is_told_without_decoding() -> None:
    for syntax in dicoms.LOSSLESS:
        data = dicom(GREY, 12, MONOCHROME2, syntax)
        assert encoding(data) == f"dicom {syntax}"
        assert is_available(data)
    assert not is_available(dicom(GREY, 12, MONOCHROME2, f"{dicoms.STANDARD}.4.100", PixelData=encapsulate([b"12"])))


def test_separate_colour_planes_are_interleaved() -> None:
    planes = np.moveaxis(COLOUR, 2, 0).tobytes()
    data = dicom(COLOUR, 8, RGB, dicoms.EXPLICIT, PlanarConfiguration=1, PixelData=planes)
    assert np.array_equal(decode(data).array, COLOUR)


@pytest.mark.parametrize(("photometric", "layout"), [("YBR_FULL", "full"), ("YBR_FULL_422", "halved")])
def test_ybr_becomes_the_rgb_that_the_standard_defines(photometric: str, layout: str) -> None:
    y, cb, cr = 150, 90, 200
    one_pair = [y, cb, cr] * 2 if layout == "full" else [y, y, cb, cr]
    data = dicom(COLOUR, 8, photometric, dicoms.EXPLICIT, PixelData=bytes(one_pair * (COLOUR.size // 6)))
    red, green = y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    expected = [round(value) for value in (red, green, y + 1.772 * (cb - 128))]
    pixels = decode(data)
    assert pixels.photometric == RGB
    assert (pixels.array == np.clip(expected, 0, 255)).all()


def palette_attributes(depth: int, first: int) -> dict[str, Any]:
    entries = np.arange(16) * (5 if depth == 8 else 1000)
    attributes: dict[str, Any] = {}
    for step, colour in enumerate(("Red", "Green", "Blue")):
        values = (entries + step).astype(np.uint8 if depth == 8 else "<u2")
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [16, first, depth]
        attributes[f"{colour}PaletteColorLookupTableData"] = values.tobytes()
    return attributes


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("first", [0, 3])
def test_a_palette_gives_its_colours_and_holds_at_its_ends(depth: int, first: int) -> None:
    stored_values = np.array([[0, 2, 3], [10, 18, 200]], np.uint8)
    attributes = palette_attributes(depth, first)
    pixels = decode(dicom(stored_values, 8, "PALETTE COLOR", dicoms.EXPLICIT, **attributes))
    step = 5 if depth == 8 else 1000
    index = np.clip(stored_values.astype(int) - first, 0, 15) * step
    assert np.array_equal(pixels.array, np.stack([index, index + 1, index + 2], axis=-1))
    assert (pixels.photometric, pixels.bits_stored) == (RGB, depth)


def test_a_segmented_palette_is_expanded() -> None:
    # three entries as they are, then a line to 70 in four steps, then the first segment again
    segments = struct.pack("<12H", 0, 3, 10, 20, 30, 1, 4, 70, 2, 1, 0, 0)
    attributes: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue"):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [10, 0, 16]
        attributes[f"Segmented{colour}PaletteColorLookupTableData"] = segments
    stored_values = np.arange(10, dtype=np.uint8).reshape(2, 5)
    pixels = decode(dicom(stored_values, 8, "PALETTE COLOR", dicoms.EXPLICIT, **attributes))
    assert pixels.array[..., 1].reshape(-1).tolist() == [10, 20, 30, 40, 50, 60, 70, 10, 20, 30]


def test_samples_that_end_above_the_lowest_bit_are_brought_down() -> None:
    data = dicom((GREY << 4).astype("<u2"), 12, MONOCHROME2, dicoms.EXPLICIT, HighBit=15)
    assert np.array_equal(decode(data).array, GREY)


def test_overlay_bits_above_the_samples_are_dropped() -> None:
    overlaid = GREY | (1 << 13)
    assert np.array_equal(decode(dicom(overlaid, 12, MONOCHROME2, dicoms.EXPLICIT)).array, GREY)


def test_one_bit_pixels_are_unpacked() -> None:
    bits = np.random.default_rng(3).integers(0, 2, (5, 7)).astype(np.uint8)
    packed = np.packbits(bits, bitorder="little").tobytes() + b"\0"
    data = dicom(bits, 1, MONOCHROME2, dicoms.EXPLICIT, BitsAllocated=1, PixelData=packed)
    pixels = decode(data)
    assert np.array_equal(pixels.array, bits)
    assert pixels.bits_stored == 1


def test_window_rescale_and_loss_are_carried_and_never_applied() -> None:
    more = {"WindowCenter": [2048, 1], "WindowWidth": ["4096", "1"], "RescaleSlope": 2, "RescaleIntercept": -7}
    pixels = decode(dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, LossyImageCompression="01", **more))
    assert (pixels.window, pixels.rescale, pixels.lossy) == ((2048.0, 4096.0), (2.0, -7.0), True)
    assert np.array_equal(pixels.array, GREY)


def lut(first: int, bits: int, entries: list[int], explanation: str = "") -> Dataset:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries) % 65_536, first, bits], entries
    item["LUTDescriptor"].VR, item["LUTData"].VR = "SS" if first < 0 else "US", "US"
    if explanation:
        item.LUTExplanation = explanation
    return item


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT, dicoms.BIG, dicoms.DEFLATED])
def test_windows_tables_and_spacing_are_carried_and_never_applied(syntax: str) -> None:
    more = {
        "SpecificCharacterSet": "ISO_IR 192",
        "WindowCenter": ["2048", "1000.5"],
        "WindowWidth": ["4096", "500"],
        "WindowCenterWidthExplanation": ["WEICH", "knöchern"],
        "VOILUTFunction": "SIGMOID",
        "ModalityLUTSequence": [lut(3, 12, [5, 6, 4_095])],
        "VOILUTSequence": [lut(0, 16, [0, 1, 65_535], "HARD"), lut(7, 8, [9, 8])],
        "PixelSpacing": ["0.0195", "0.02"],
    }
    data = dicom(GREY, 12, MONOCHROME2, syntax, **more)
    pixels = decode(data)
    assert pixels.windows == (
        Window(2048.0, 4096.0, "WEICH", "SIGMOID"),
        Window(1000.5, 500.0, "knöchern", "SIGMOID"),
    )
    assert pixels.modality_lut == Lut(3, 12, struct.pack("<3H", 5, 6, 4_095))
    assert pixels.voi_luts == (
        Lut(0, 16, struct.pack("<3H", 0, 1, 65_535), "HARD"),
        Lut(7, 8, struct.pack("<2H", 9, 8)),
    )
    assert pixels.spacing == (0.0195, 0.02)
    assert np.array_equal(pixels.array, GREY)
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT])
def test_a_table_begins_below_zero_where_samples_do(syntax: str) -> None:
    signed = (GREY.astype(int) - 2048).astype("<i2")
    data = dicom(signed, 12, MONOCHROME2, syntax, VOILUTSequence=[lut(-2048, 8, [1, 2, 3])])
    assert decode(data).voi_luts == (Lut(-2048, 8, struct.pack("<3H", 1, 2, 3)),)
    assert disagreement(data) is None


def test_a_table_after_rescale_begins_below_zero_whatever_the_samples_are() -> None:
    more = {"RescaleSlope": 1, "RescaleIntercept": -1024, "VOILUTSequence": [lut(-1024, 16, [4, 5])]}
    data = dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, **more)
    assert decode(data).voi_luts == (Lut(-1024, 16, struct.pack("<2H", 4, 5)),)
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT])
@pytest.mark.parametrize("entries", [40_000, 65_536])
def test_the_longest_tables_are_carried_whole(entries: int, syntax: str) -> None:
    signed = (GREY.astype(int) - 2048).astype("<i2")
    item = Dataset()
    item.LUTDescriptor = [entries % 65_536, 0, 16]
    item["LUTDescriptor"].VR = "US"
    item.add_new("LUTData", "OW", np.arange(entries, dtype="<u2").tobytes())
    data = dicom(signed, 12, MONOCHROME2, syntax, VOILUTSequence=[item])
    assert [table.count for table in decode(data).voi_luts] == [entries]
    assert disagreement(data) is None


def test_a_malformed_table_counts_as_none() -> None:
    short = lut(0, 16, [1, 2, 3])
    short.LUTData = [1]
    for item in (lut(0, 0, [1, 2]), lut(0, 17, [1, 2]), short, Dataset()):
        data = dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, VOILUTSequence=[item])
        assert decode(data).voi_luts == ()
        assert disagreement(data) is None


def test_spacing_at_the_imager_serves_where_no_other_is_given() -> None:
    assert decode(dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, ImagerPixelSpacing=[0.1, 0.2])).spacing == (0.1, 0.2)
    for nonsense in ([0, 0.1], 0.1, [-1, 0.1]):
        data = dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, PixelSpacing=nonsense)
        assert decode(data).spacing is None
        assert disagreement(data) is None


def test_half_a_window_is_none() -> None:
    assert decode(dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, WindowCenter=3)).window is None


def test_a_baseline_jpeg_is_lossy_and_close() -> None:
    smooth = np.repeat(np.arange(0, 240, 10, dtype=np.uint8)[:, None], 24, axis=1)
    pixels = decode(dicom(smooth, 8, MONOCHROME2, dicoms.JPEG_BASELINE))
    assert pixels.lossy
    assert np.abs(pixels.array.astype(int) - smooth).max() < 8


def test_the_transform_a_jpeg_names_itself_is_believed_before_the_header() -> None:
    smooth = np.repeat(np.repeat(np.array([[[200, 30, 90]]], np.uint8), 16, axis=0), 16, axis=1)
    untransformed = imagecodecs.jpeg8_encode(smooth, 95, colorspace="RGB", outcolorspace="RGB")
    assert b"Adobe" in untransformed
    data = dicom(smooth, 8, "YBR_FULL", dicoms.JPEG_BASELINE, PixelData=encapsulate([untransformed]))
    assert np.abs(decode(data).array.astype(int) - smooth).max() <= 2


def test_several_frames_and_volumes_have_codes_of_their_own() -> None:
    twice = {"PixelData": GREY.tobytes() * 2, "NumberOfFrames": 2}
    assert code_of(dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, **twice)) is FindingCode.MULTIFRAME
    volume = dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, SOPClassUID=dicoms.ENHANCED_CT, **twice)
    assert code_of(volume) is FindingCode.VOLUME


def test_frames_that_the_header_hides_are_found() -> None:
    hidden = dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, PixelData=GREY.tobytes() * 2)
    assert code_of(hidden) is FindingCode.MULTIFRAME
    frames = encapsulate([dicoms.frame(GREY, 12, dicoms.JPEG_LS)] * 2)
    assert code_of(dicom(GREY, 12, MONOCHROME2, dicoms.JPEG_LS, PixelData=frames)) is FindingCode.MULTIFRAME


@pytest.mark.parametrize("syntax", [dicoms.JPEG_SV1, dicoms.JPEG_LS, dicoms.J2K])
def test_frames_that_no_offset_counts_are_found(syntax: str) -> None:
    frames = encapsulate([dicoms.frame(GREY, 12, syntax)] * 2, has_bot=False)
    data = dicom(GREY, 12, MONOCHROME2, syntax, PixelData=frames)
    assert code_of(data) is FindingCode.MULTIFRAME
    assert disagreement(data) is None


@pytest.mark.parametrize("count", [1, 2])
def test_an_extended_offset_table_counts_frames(count: int) -> None:
    pixel_data, offsets, lengths = encapsulate_extended([dicoms.frame(GREY, 12, dicoms.JPEG_LS)] * count)
    extended = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths, "PixelData": pixel_data}
    data = dicom(GREY, 12, MONOCHROME2, dicoms.JPEG_LS, **extended)
    if count == 1:
        assert np.array_equal(decode(data).array, GREY)
    else:
        assert code_of(data) is FindingCode.MULTIFRAME
    assert disagreement(data) is None


def test_an_extended_offset_table_of_two_frames_is_believed() -> None:
    pixel_data, _, _ = encapsulate_extended([dicoms.frame(GREY, 12, dicoms.JPEG_LS)])
    two = {"ExtendedOffsetTable": bytes(16), "ExtendedOffsetTableLengths": bytes(16), "PixelData": pixel_data}
    data = dicom(GREY, 12, MONOCHROME2, dicoms.JPEG_LS, **two)
    assert code_of(data) is FindingCode.MULTIFRAME
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.JPEG_SV1, dicoms.JPEG_LS, dicoms.J2K, dicoms.RLE])
def test_padding_after_a_picture_is_no_part_of_it(syntax: str) -> None:
    whole = pydicom.dcmread(io.BytesIO(dicom(GREY, 12, MONOCHROME2, syntax)))
    frame = next(generate_frames(whole.PixelData, number_of_frames=1))
    data = dicom(GREY, 12, MONOCHROME2, syntax, PixelData=encapsulate([frame + bytes(7)]))
    assert np.array_equal(decode(data).array, GREY)
    assert disagreement(data) is None


@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT, dicoms.BIG, dicoms.RLE, dicoms.DEFLATED])
@pytest.mark.parametrize("signed", [False, True])
def test_32_bits_are_read_where_16_or_fewer_are_in_use(syntax: str, signed: bool) -> None:
    wide = GREY.astype("<u4") << 9 | 0x1FF | 0xFFE00000
    expected = (GREY << 4).astype("<u2").view("<i2") >> 4 if signed else GREY
    data = dicom(wide, 12, MONOCHROME2, syntax, HighBit=20, PixelRepresentation=int(signed))
    pixels = decode(data)
    assert np.array_equal(pixels.array, expected)
    assert (pixels.bits_stored, pixels.bits_allocated, pixels.signed) == (12, 16, signed)
    assert disagreement(data) is None


@pytest.mark.parametrize("first", [0x00080005, 0x00080016, 0x00080018, 0x00080060])
@pytest.mark.parametrize("syntax", [dicoms.EXPLICIT, dicoms.IMPLICIT])
def test_a_file_without_preamble_and_meta_information_is_known_by_its_first_element(syntax: str, first: int) -> None:
    whole = dicom(GREY, 12, MONOCHROME2, syntax, SpecificCharacterSet="ISO_IR 100", Modality="IO")
    bare = whole[whole.index(struct.pack("<HH", first >> 16, first & 0xFFFF), 144) :]
    assert np.array_equal(decode(bare).array, GREY)
    assert disagreement(bare) is None


def test_colours_of_jpeg_2000_exist_in_jpeg_2000_alone() -> None:
    for photometric in ("YBR_RCT", "YBR_ICT"):
        assert code_of(dicom(COLOUR, 8, photometric, dicoms.EXPLICIT)) is FindingCode.UNREADABLE_FILE


def test_a_codec_that_is_not_here_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dicom(GREY, 12, MONOCHROME2, dicoms.JPEG_LS)
    assert is_available(data)

    class Wanting:
        available = False

    monkeypatch.setattr(imagecodecs, "JPEGLS", Wanting)
    available = is_available(data)
    assert not available
    assert "JPEGLS" in available.reason and "imagecodecs" in available.reason
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    assert (problem.value.code, problem.value.detail) == (FindingCode.NO_DECODER, available.reason)


def test_one_frame_in_many_fragments_is_put_together() -> None:
    whole = dicoms.frame(GREY, 12, dicoms.JPEG_SV1)
    data = dicom(GREY, 12, MONOCHROME2, dicoms.JPEG_SV1, PixelData=encapsulate([whole], fragments_per_frame=3))
    assert np.array_equal(decode(data).array, GREY)


@pytest.mark.parametrize("syntax", dicoms.LOSSLESS)
@pytest.mark.parametrize("kept", [0.35, 0.9, 0.98])
def test_a_file_cut_off_is_truncated(syntax: str, kept: float) -> None:
    picture = np.random.default_rng(1).integers(0, 4096, (64, 48)).astype("<u2")
    data = dicom(picture, 12, MONOCHROME2, syntax)
    assert code_of(data[: int(len(data) * kept)]) is FindingCode.TRUNCATED


@pytest.mark.parametrize("syntax", [dicoms.JPEG_SV1, dicoms.JPEG_LS, dicoms.J2K])
def test_a_codestream_cut_off_inside_a_whole_file_is_truncated(syntax: str) -> None:
    short = dicoms.frame(GREY, 12, syntax)[:-20]
    assert code_of(dicom(GREY, 12, MONOCHROME2, syntax, PixelData=encapsulate([short]))) is FindingCode.TRUNCATED


@pytest.mark.parametrize("syntax", [dicoms.JPEG_SV1, dicoms.JPEG_LS, dicoms.J2K])
def test_a_codestream_of_another_size_is_refused(syntax: str) -> None:
    other = encapsulate([dicoms.frame(GREY[:-1].copy(), 12, syntax)])
    assert code_of(dicom(GREY, 12, MONOCHROME2, syntax, PixelData=other)) is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, FindingCode.NO_DECODER),
        ({"PhotometricInterpretation": "CMYK"}, FindingCode.NO_DECODER),
        ({"PhotometricInterpretation": "YBR_PARTIAL_422"}, FindingCode.NO_DECODER),
        ({"PhotometricInterpretation": RGB}, FindingCode.UNREADABLE_FILE),
        ({"BitsStored": 17, "HighBit": 16}, FindingCode.UNREADABLE_FILE),
        ({"HighBit": 3}, FindingCode.UNREADABLE_FILE),
        ({"Rows": 0}, FindingCode.UNREADABLE_FILE),
        ({"Rows": 65535, "Columns": 6}, FindingCode.TOO_LARGE),
        ({"Rows": 30000, "Columns": 30000}, FindingCode.TOO_LARGE),
        ({"PixelData": GREY.tobytes() + b"left over"}, FindingCode.UNREADABLE_FILE),
        ({"PixelData": b""}, FindingCode.TRUNCATED),
    ],
)
def test_a_header_that_cannot_be_has_a_code(change: dict[str, Any], code: FindingCode) -> None:
    more = {"PixelData": GREY.tobytes(), **change}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert code_of(dicom(GREY, 12, MONOCHROME2, dicoms.EXPLICIT, **more)) is code


def test_an_unknown_transfer_syntax_has_no_decoder() -> None:
    data = dicom(GREY, 12, MONOCHROME2, f"{dicoms.STANDARD}.4.100", PixelData=encapsulate([b"12"]))
    assert code_of(data) is FindingCode.NO_DECODER


def test_compressed_pixels_under_an_uncompressed_name_are_refused() -> None:
    data = dicom(GREY, 12, MONOCHROME2, dicoms.JPEG_LS)
    changed = data.replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.1\0\0\0")
    assert code_of(changed) is FindingCode.UNREADABLE_FILE


def test_a_deflated_bomb_is_refused_before_it_unfolds(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = dicom(GREY, 12, MONOCHROME2, dicoms.DEFLATED, PixelData=bytes(1 << 20))
    monkeypatch.setattr("engine.imaging.decoders.dicom_file.MAX_INFLATED_BYTES", 1 << 16)
    assert code_of(bomb) is FindingCode.TOO_LARGE


@pytest.mark.parametrize("runs", [3, 100_000])
def test_a_run_length_bomb_is_refused_before_it_unfolds(runs: int) -> None:
    plane = b"\x81\x00" * runs  # 128 bytes from two
    frame = struct.pack("<16I", 2, 64, 64 + len(plane), *[0] * 13) + plane * 2
    data = dicom(GREY, 12, MONOCHROME2, dicoms.RLE, PixelData=encapsulate([frame]))
    assert code_of(data) is FindingCode.UNREADABLE_FILE


def test_an_empty_file_and_a_file_beyond_the_limit_have_codes() -> None:
    assert code_of(b"") is FindingCode.EMPTY_FILE
    with pytest.raises(ImageProblem) as problem:
        limits.require_file_size(limits.MAX_FILE_BYTES + 1)
    assert problem.value.code is FindingCode.TOO_LARGE


def test_the_converter_decodes_without_the_reconcilers_libraries() -> None:
    program = (
        "import sys; sys.modules['gdcm'] = sys.modules['PIL'] = None; from engine.imaging.decode import decode;"
        "print(len([decode(bytes.fromhex(line)) for line in sys.stdin]))"
    )
    files = [dicom(GREY, 12, MONOCHROME2, syntax).hex() for syntax in dicoms.LOSSLESS]
    lines = "\n".join(files)
    done = subprocess.run([sys.executable, "-c", program], input=lines, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(len(files)), done.stderr
