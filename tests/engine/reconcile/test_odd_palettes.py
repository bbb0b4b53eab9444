"""What mutants found: colours that the two stacks would have seen differently, or only one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.imaging.decode import decode
from engine.imaging.problem import ImageProblem
from protocol.vocabulary import FindingCode
from tests.engine.imaging import bmps, dicoms
from tests.engine.reconcile.two_stacks import disagreement

CHANCE = np.random.default_rng(17)
INDICES = CHANCE.integers(0, 256, (9, 7)).astype(np.uint8)
COLOURS = CHANCE.integers(0, 256, (256, 3), np.uint8)


def code_of(data: bytes) -> FindingCode:
    assert disagreement(data) in (None, f"{FindingCode.UNREADABLE_FILE}, where the reconciler sees a picture")
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    return problem.value.code


@pytest.mark.parametrize("odd", [[256, 5, 8], [200, 0, 8], [256, 0, 16]])
def test_palettes_of_several_sizes_are_no_palette(odd: list[int]) -> None:
    table = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 8]), ("Data", bytes(range(256)) * 2))
    }
    alike = dicoms.dicom(INDICES, 8, "PALETTE COLOR", dicoms.EXPLICIT, **table)
    assert decode(alike).array.shape == (9, 7, 3)
    unlike: dict[str, Any] = {**table, "GreenPaletteColorLookupTableDescriptor": odd}
    assert code_of(dicoms.dicom(INDICES, 8, "PALETTE COLOR", dicoms.EXPLICIT, **unlike)) is FindingCode.UNREADABLE_FILE


def test_a_bmp_may_leave_out_what_pads_its_last_row_and_nothing_else() -> None:
    whole = bmps.bmp(bmps.lines(INDICES, 8), (7, 9), 8, palette=COLOURS)
    for end in (len(whole), len(whole) - 1):
        assert disagreement(whole[:end]) is None
        assert np.array_equal(decode(whole[:end]).array, COLOURS[INDICES[::-1]])
    assert code_of(whole[:-2]) is FindingCode.TRUNCATED


def test_a_bmp_whose_picture_begins_within_its_header_is_none() -> None:
    whole = bmps.bmp(bmps.lines(INDICES, 8), (7, 9), 8, palette=COLOURS)
    for start in (0, 53):
        assert code_of(whole[:10] + bytes((start, 0, 0, 0)) + whole[14:]) is FindingCode.UNREADABLE_FILE


@pytest.mark.parametrize("masks", [(0, 0xFF00, 0xFF), (0xFF0000, 0xFF00, 0)])
def test_a_bmp_without_bits_for_a_colour_has_no_decoder(masks: tuple[int, ...]) -> None:
    words = CHANCE.integers(0, 1 << 24, (9, 7), np.uint32)
    data = bmps.bmp(bmps.lines(words, 32), (7, 9), 32, kind=bmps.MASKS, header=56, masks=(*masks, 0))
    with pytest.raises(ImageProblem) as problem:
        decode(data)
    assert problem.value.code is FindingCode.NO_DECODER
