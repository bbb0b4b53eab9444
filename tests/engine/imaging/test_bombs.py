"""Small files that ask for much memory: none gets it, from neither stack, and a picture cut finely still is one."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import numpy as np
import pytest

from engine.imaging.decode import decode
from engine.imaging.decoders.codestream import read_jpeg2000
from engine.imaging.problem import ImageProblem
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode
from tests.engine.imaging import bombs

MOST_GROWN: Final = 64  # MiB: some copies of the file, which has a few MiB at most
MOST_FOR_PLACES: Final = 512  # MiB: two million places of strips, which the largest TIFF has, each a number of its own
LARGE = frozenset(name for name in bombs.BOMBS if " by " in name or "precincts" in name or name == "deflated DICOM")


@pytest.fixture(scope="module")
def told() -> dict[tuple[str, str], tuple[str, int]]:
    """The finding, and the growth in MiB, by bomb and stack."""
    command = [sys.executable, "-m", "tests.engine.imaging.bombs"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {(name, stack): (code, int(grown)) for name, stack, code, grown in lines}


@pytest.mark.attack
@pytest.mark.parametrize("stack", ["converter", "reconciler"])
@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_bomb_is_known_before_it_takes_memory(
    told: dict[tuple[str, str], tuple[str, int]], name: str, stack: str
) -> None:
    code, grown = told[name, stack]
    assert code not in {"DIED", "MEMORY"}
    assert grown <= (MOST_FOR_PLACES if "same numbers" in name else MOST_GROWN)
    if name in LARGE and stack == "converter":
        assert code == FindingCode.TOO_LARGE


def test_precincts_of_a_pixel_are_no_bomb_in_a_small_picture() -> None:
    for data in (bombs._jpeg2000(64, precincts=True), bombs._cut_by_a_tile(64)):
        assert read_jpeg2000(data).width == 64
    small = bombs._jpeg2000(8, precincts=True)
    assert decode(small).array.shape == (8, 8)
    assert np.array_equal(decode(small).array, look_at(small).samples)


def test_precincts_of_one_component_count_too() -> None:
    plain = bombs._jpeg2000(10_000)
    read_jpeg2000(plain)
    place = plain.index(b"\xff\x52")
    cut = bombs._jpeg2000(10_000, precincts=True)
    style = cut[place + 4 :]
    levels = style[5]
    body = bytes((0, 1)) + style[5:10] + bytes((0, *[0x11] * levels))
    segment = b"\xff\x53" + (len(body) + 2).to_bytes(2, "big") + body
    with pytest.raises(ImageProblem) as problem:
        read_jpeg2000(plain[:place] + segment + plain[place:])
    assert problem.value.code is FindingCode.TOO_LARGE
