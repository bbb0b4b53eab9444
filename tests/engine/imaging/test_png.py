"""PNG in every colour type and depth: the very samples; transparency is never lost in silence."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.imaging.decode import decode
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode
from tests.engine.imaging.pngs import CHANNELS, COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, chunk, png, profile

CHANCE = np.random.default_rng(21)
SIZES = [(13, 11), (1, 1), (2, 3)]


def samples(size: tuple[int, int], bits: int, kind: int) -> NDArray[Any]:
    """Opaque where the colour type has a channel for it."""
    made = CHANCE.integers(0, 1 << bits, (*size, CHANNELS[kind]))
    if kind in (GREY_ALPHA, COLOUR_ALPHA):
        made[..., -1] = (1 << bits) - 1
    return made


def code_of(data: bytes) -> FindingCode:
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    return problem.value.code


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("size", SIZES)
def test_grey_of_every_depth(size: tuple[int, int], bits: int, interlaced: bool) -> None:
    made = samples(size, bits, GREY)[..., 0]
    pixels = decode(png(made, bits, GREY, profile(), interlaced=interlaced))
    spread = 255 // ((1 << bits) - 1) if bits < 8 else 1
    assert np.array_equal(pixels.array, made * spread)
    assert pixels.array.dtype == (np.uint16 if bits == 16 else np.uint8)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [COLOUR, GREY_ALPHA, COLOUR_ALPHA])
@pytest.mark.parametrize("size", SIZES)
def test_colours_and_opaque_pictures(size: tuple[int, int], kind: int, bits: int, interlaced: bool) -> None:
    made = samples(size, bits, kind)
    expected = {COLOUR: made, GREY_ALPHA: made[..., 0], COLOUR_ALPHA: made[..., :3]}[kind]
    assert np.array_equal(decode(png(made, bits, kind, profile(), interlaced=interlaced)).array, expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_gives_its_colours(bits: int) -> None:
    colours = CHANCE.integers(0, 256, (1 << bits, 3)).astype(np.uint8)
    made = samples((9, 7), bits, PALETTE)[..., 0]
    pixels = decode(png(made, bits, PALETTE, chunk(b"PLTE", colours.tobytes())))
    assert np.array_equal(pixels.array, colours[made])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [GREY_ALPHA, COLOUR_ALPHA])
def test_one_pixel_that_is_not_opaque_is_refused(kind: int, bits: int) -> None:
    made = samples((5, 4), bits, kind)
    made[2, 1, -1] -= 1
    assert code_of(png(made, bits, kind)) is FindingCode.NO_DECODER


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_a_grey_made_transparent_matters_only_where_it_is_met(bits: int) -> None:
    made = np.zeros((4, 5), int)
    for key, is_met in ((0, True), (1, False)):
        data = png(made, bits, GREY, chunk(b"tRNS", struct.pack(">H", key)))
        if is_met:
            assert code_of(data) is FindingCode.NO_DECODER
        else:
            assert np.array_equal(decode(data).array, made)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_colour_made_transparent_matters_only_where_it_is_met(bits: int) -> None:
    made = samples((4, 5), bits, COLOUR)
    met, other = made[1, 2], made[1, 2] ^ 1
    assert code_of(png(made, bits, COLOUR, chunk(b"tRNS", struct.pack(">3H", *met)))) is FindingCode.NO_DECODER
    if not (made == other).all(axis=2).any():
        assert np.array_equal(decode(png(made, bits, COLOUR, chunk(b"tRNS", struct.pack(">3H", *other)))).array, made)


def test_an_entry_of_the_palette_made_transparent_matters_only_where_it_is_met() -> None:
    colours = chunk(b"PLTE", bytes(range(48)))
    made = np.full((3, 3), 2)
    assert code_of(png(made, 4, PALETTE, colours, chunk(b"tRNS", b"\xff\xff\x7f"))) is FindingCode.NO_DECODER
    assert decode(png(made, 4, PALETTE, colours, chunk(b"tRNS", b"\0\x7f\xff"))).array[0, 0].tolist() == [6, 7, 8]
