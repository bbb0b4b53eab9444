"""Payload codecs: every depth, sign, colour and size comes back exactly, the same bytes each time; loss is refused."""

from __future__ import annotations

import io
import zlib
from contextlib import suppress
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from engine.imaging import payload as payloads
from engine.imaging.decode import decode
from engine.imaging.payload import Form, Payload, narrowed
from engine.imaging.pixels import MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem
from engine.profiles.native_rules import PAYLOAD_CODECS, PayloadRule
from engine.reconcile.native_payload import PayloadUnlike, unpacked_payload
from engine.reconcile.picture import Picture
from protocol.vocabulary import FindingCode
from tests.engine.imaging.dicoms import dicom
from tests.engine.native_files import picture_of, pictures

LOSSLESS = [codec for codec in PAYLOAD_CODECS if codec != "jpeg"]
LEVELS = {"deflate": 6, "png": 1}
SIZES = ((1, 1), (1, 7), (7, 1), (5, 9), (33, 64))


def codec(name: str, order: str = "little", level: int | None = None) -> Payload:
    return Payload(PayloadRule(name, level=LEVELS.get(name) if level is None else level), order)


def form(pixels: Pixels) -> Form:
    return Form(pixels.width, pixels.height, pixels.samples, pixels.bits_allocated)


def noise(bits: int, *, signed: bool, colour: bool, size: tuple[int, int], allocated: int) -> Pixels:
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    shape = (*size, 3) if colour else size
    array = np.random.default_rng(bits).integers(low, high, shape).astype(f"<{'i' if signed else 'u'}{allocated // 8}")
    return Pixels(array, bits, RGB if colour else MONOCHROME2, signed)


def meant(pixels: Pixels) -> dict[str, int]:
    return {
        "pixels.width": pixels.width,
        "pixels.height": pixels.height,
        "pixels.samples": pixels.samples,
        "pixels.bits_allocated": pixels.bits_allocated,
        "pixels.flags": 2 * pixels.signed,
    }


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("order", ["little", "big"])
def test_every_depth_sign_colour_and_size_comes_back_and_the_reconciler_agrees(name: str, order: str) -> None:
    depths = [(bits, 8) for bits in range(1, 9)] + [(bits, 16) for bits in (1, 8, 9, 10, 12, 15, 16)]
    for (bits, allocated), signed, colour, size in product(depths, (False, True), (False, True), SIZES):
        if name == "raw8" and allocated == 16:
            continue
        pixels = noise(bits, signed=signed, colour=colour, size=size, allocated=allocated)
        packed = codec(name, order).pack(pixels)
        case = f"{bits} of {allocated} bits, signed {signed}, colour {colour}, {size}"
        assert bytes(codec(name, order).pack(pixels)) == bytes(packed), case
        back = codec(name, order).unpack(memoryview(packed), form(pixels))
        assert np.array_equal(narrowed(back, pixels), pixels.array), case
        mark = {"little": "<", "big": ">"}[order]
        own = unpacked_payload(name, mark, memoryview(packed), meant(pixels))
        assert np.array_equal(own, picture_of(pixels).words()), case


def test_raw_words_are_a_view_of_the_samples() -> None:
    pixels = noise(12, signed=False, colour=False, size=(30, 40), allocated=16)
    assert np.shares_memory(np.frombuffer(codec("raw16").pack(pixels), np.uint8), pixels.array)
    assert not np.shares_memory(np.frombuffer(codec("raw16", "big").pack(pixels), np.uint8), pixels.array)


def test_sixteen_bit_samples_have_no_place_in_single_bytes() -> None:
    with pytest.raises(ImageProblem) as problem:
        codec("raw8").pack(noise(12, signed=False, colour=False, size=(3, 3), allocated=16))
    assert problem.value.code is FindingCode.NO_DECODER


def test_the_level_is_the_profiles() -> None:
    pixels = noise(4, signed=False, colour=False, size=(64, 64), allocated=16)
    assert len(codec("deflate", level=9).pack(pixels)) < len(codec("deflate", level=1).pack(pixels))
    assert zlib.decompress(codec("deflate", level=9).pack(pixels)) == pixels.array.tobytes()


@pytest.mark.parametrize("name", ["deflate", "png", "jpeg-ls", "jpeg-lossless", "jpeg-2000", "rle"])
def test_a_codec_that_gives_back_other_samples_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a library does wrong one day, no file is made of it."""
    pixels = noise(12, signed=False, colour=False, size=(8, 8), allocated=16)
    honest = Payload.unpack

    def with_one_bit_wrong(self: Payload, data: memoryview, shape: Form) -> payloads.Samples:
        samples = honest(self, data, shape).copy()
        samples.flat[-1] ^= 1
        return samples

    monkeypatch.setattr(Payload, "unpack", with_one_bit_wrong)
    with pytest.raises(ImageProblem, match="cannot hold this picture exactly") as problem:
        codec(name).pack(pixels)
    assert problem.value.code is FindingCode.NO_DECODER


def jpeg(colour: bool) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (24, 32, 3) if colour else (24, 32), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=80)
    return target.getvalue()


@pytest.mark.parametrize("colour", [False, True])
def test_a_jpeg_is_carried_bit_for_bit(colour: bool) -> None:
    source = jpeg(colour)
    packed = codec("jpeg").pack(decode(source), source)
    assert packed == source
    own = unpacked_payload("jpeg", "<", memoryview(packed), meant(decode(source)))
    assert own.shape[:2] == (24, 32)


def test_a_jpeg_within_dicom_is_carried_without_its_wrapping() -> None:
    pixels = np.zeros((24, 32), np.uint8)
    for source in (jpeg(False), jpeg(False) + b"\0"):
        file = dicom(pixels, 8, MONOCHROME2, JPEGBaseline8Bit, PixelData=encapsulate([source]))
        assert codec("jpeg").pack(decode(file), file) == source.rstrip(b"\0")


@pytest.mark.parametrize("source", [None, b"", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_jpeg_is_never_made_one(source: bytes | None) -> None:
    pixels = noise(8, signed=False, colour=False, size=(8, 8), allocated=8)
    with pytest.raises(ImageProblem, match="carries sources that are JPEG") as problem:
        codec("jpeg").pack(pixels, source)
    assert problem.value.code is FindingCode.NO_DECODER


@settings(max_examples=40)
@given(pixels=pictures(), name=st.sampled_from(["deflate", "png", "rle"]), place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_named_by_both_readers_or_changes_nothing_else(
    pixels: Pixels, name: str, place: int, bit: int
) -> None:
    """JPEG's decoders are tried with damaged data elsewhere: GDCM in the process of its own."""
    packed = bytearray(codec(name).pack(pixels))
    packed[place % len(packed)] ^= 1 << bit
    with suppress(ImageProblem):
        codec(name).unpack(memoryview(bytes(packed)), form(pixels))
    with suppress(PayloadUnlike):
        unpacked_payload(name, "<", memoryview(bytes(packed)), meant(pixels))


@pytest.mark.parametrize("name", [name for name in LOSSLESS if not name.startswith("raw")])
def test_a_payload_of_another_picture_is_unreadable(name: str) -> None:
    pixels = noise(12, signed=False, colour=False, size=(8, 8), allocated=16)
    packed = codec(name).pack(pixels)
    with pytest.raises(ImageProblem) as problem:
        codec(name).unpack(memoryview(packed), Form(9, 8, 1, 16))
    assert problem.value.code in (FindingCode.UNREADABLE_FILE, FindingCode.TRUNCATED)
    with pytest.raises(PayloadUnlike):
        unpacked_payload(name, "<", memoryview(packed), {**meant(pixels), "pixels.width": 9})


@pytest.mark.parametrize("name", ["deflate", "png", "jpeg-ls", "jpeg-lossless", "jpeg-2000"])
def test_bytes_behind_a_payload_are_not_passed_over(name: str) -> None:
    pixels = noise(12, signed=False, colour=False, size=(8, 8), allocated=16)
    with pytest.raises(ImageProblem) as problem:
        codec(name).unpack(memoryview(bytes(codec(name).pack(pixels)) + b"stowaway"), form(pixels))
    assert problem.value.code is FindingCode.UNREADABLE_FILE


def test_the_list_of_codecs_is_the_grammars() -> None:
    assert set(payloads._CODECS) == set(PAYLOAD_CODECS)
    assert isinstance(picture_of(noise(8, signed=False, colour=True, size=(2, 2), allocated=8)), Picture)
