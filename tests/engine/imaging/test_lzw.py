"""LZW: what two other encoders wrote comes back; damage raises and nothing else."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.imaging.decoders.lzw import unpacked

CHANCE = np.random.default_rng(71)
TEXTS = {
    "one byte": b"a",
    "the entry being made": b"ababababababa",
    "noise": CHANCE.integers(0, 256, 70_000).astype(np.uint8).tobytes(),
    "zeros": bytes(900_000),
    "few values": CHANCE.integers(0, 3, 60_000).astype(np.uint8).tobytes(),
    "a ramp": (np.arange(80_000) // 7 % 251).astype(np.uint8).tobytes(),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_imagecodecs_packs_comes_back(name: str) -> None:
    packed = bytes(imagecodecs.lzw_encode(TEXTS[name]))
    assert unpacked(packed, len(TEXTS[name])) == TEXTS[name]
    assert unpacked(packed, 1) == TEXTS[name][:1]


def test_what_libtiff_packs_comes_back() -> None:
    array, target = CHANCE.integers(0, 40, (50, 70)).astype(np.uint8), io.BytesIO()
    Image.fromarray(array).save(target, "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(target.getvalue())) as image:
        start, size = image.tag_v2[273][0], image.tag_v2[279][0]
    assert unpacked(target.getvalue()[start : start + size], array.size) == array.tobytes()


@given(text=st.binary(min_size=1, max_size=3_000))
def test_anything_comes_back(text: bytes) -> None:
    assert unpacked(bytes(imagecodecs.lzw_encode(text)), len(text)) == text


@given(noise=st.binary(max_size=400))
def test_noise_is_some_bytes_or_an_error(noise: bytes) -> None:
    try:
        assert len(unpacked(b"\x80\0" + noise, 500)) <= 500
    except ValueError as problem:
        assert "LZW" in str(problem)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\0\1\2\3", b"\x80\xff\0"])
def test_data_that_begins_otherwise_is_no_lzw(data: bytes) -> None:
    if data == b"\x80":
        assert unpacked(data, 5) == b""
        return
    with pytest.raises(ValueError, match="LZW"):
        unpacked(data, 5)
