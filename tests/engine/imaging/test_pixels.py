"""Pixels, their canonical bytes, integrity hashes, colour judged by content."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from engine.imaging.classify import LOSSY_TOLERANCE, is_colour
from engine.imaging.integrity import integrity
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels, canonical, words
from engine.imaging.problem import ImageProblem
from engine.profiles.native_rules import IntegrityRule
from protocol.vocabulary import FindingCode

GREY = np.array([[0, 1, 2], [300, 4095, 65535]], "<u2")
COLOUR = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def rule(covers: str, algorithm: str = "md5") -> IntegrityRule:
    return IntegrityRule(algorithm, covers, ("header",))


@pytest.mark.parametrize(
    ("array", "bits", "photometric", "signed", "expected"),
    [
        (GREY, 16, MONOCHROME2, False, "000001000200" + "2c01" + "ff0f" + "ffff"),
        (np.array([[1, 255]], np.uint8), 8, MONOCHROME1, False, "0100" + "ff00"),
        (np.array([[1, -1]], np.int8), 8, MONOCHROME2, True, "0100" + "ffff"),
        (np.array([[1, -2]], "<i2"), 12, MONOCHROME2, True, "0100" + "feff"),
        (np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 8, RGB, False, "010203040506"),
        (np.array([[[1, 2, 300]]], "<u2"), 16, RGB, False, "01000200" + "2c01"),
    ],
)
def test_canonical_bytes_are_little_endian_rows_of_samples(
    array: Any, bits: int, photometric: str, signed: bool, expected: str
) -> None:
    assert canonical(Pixels(array, bits, photometric, signed)).hex() == expected


def test_sixteen_bit_pixels_are_never_copied() -> None:
    pixels = Pixels(GREY, 16, MONOCHROME2)
    assert np.shares_memory(words(pixels), GREY)
    assert np.shares_memory(np.frombuffer(canonical(pixels), np.uint8), GREY)


def test_words_widen_colour_without_scaling() -> None:
    assert words(Pixels(COLOUR, 8, RGB)).tolist() == COLOUR.tolist()


@pytest.mark.parametrize(
    ("array", "bits", "photometric", "signed"),
    [
        (GREY.astype(np.float32), 16, MONOCHROME2, False),
        (GREY.astype(np.uint32), 16, MONOCHROME2, False),
        (GREY.astype(">u2"), 16, MONOCHROME2, False),
        (GREY.T, 16, MONOCHROME2, False),
        (GREY, 17, MONOCHROME2, False),
        (GREY, 0, MONOCHROME2, False),
        (GREY, 16, MONOCHROME2, True),
        (GREY, 16, RGB, False),
        (GREY, 16, "YBR_FULL", False),
        (COLOUR, 8, MONOCHROME2, False),
        (COLOUR[..., :2].copy(), 8, RGB, False),
        (GREY[:0], 16, MONOCHROME2, False),
    ],
)
def test_pixels_of_another_form_cannot_exist(array: Any, bits: int, photometric: str, signed: bool) -> None:
    with pytest.raises(ValueError, match=r"not the|do not fit"):
        Pixels(array, bits, photometric, signed)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_an_integrity_hash_covers_what_its_rule_says(algorithm: str) -> None:
    pixels = Pixels(GREY, 16, MONOCHROME2)
    over_pixels = integrity(rule("pixels", algorithm), file=b"whole file", pixels=pixels)
    over_file = integrity(rule("file", algorithm), file=b"whole file", pixels=pixels)
    assert over_pixels == hashlib.new(algorithm, GREY.tobytes()).digest()
    assert over_file == hashlib.new(algorithm, b"whole file").digest()


def test_one_bit_of_one_pixel_changes_the_hash() -> None:
    changed = GREY.copy()
    changed[1, 1] ^= 1
    before, after = (integrity(rule("pixels"), pixels=Pixels(array, 16, MONOCHROME2)) for array in (GREY, changed))
    assert before != after


@pytest.mark.parametrize("covers", ["pixels", "file"])
def test_a_hash_over_something_not_given_is_refused(covers: str) -> None:
    with pytest.raises(ValueError, match=covers):
        integrity(rule(covers))


def test_grey_in_three_channels_is_no_colour() -> None:
    grey = np.repeat(COLOUR[..., :1], 3, axis=2)
    assert not is_colour(Pixels(grey, 8, RGB))
    assert not is_colour(Pixels(GREY, 16, MONOCHROME2))


@pytest.mark.parametrize("channel", range(3))
def test_one_step_in_one_pixel_is_colour_where_nothing_was_lost(channel: int) -> None:
    touched = np.repeat(COLOUR[..., :1], 3, axis=2)
    touched[1, 2, channel] += 1
    assert is_colour(Pixels(touched, 8, RGB))
    assert not is_colour(Pixels(touched, 8, RGB, lossy=True))


def test_lossy_coding_explains_a_small_difference_and_no_more() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    for step, expected in ((LOSSY_TOLERANCE, False), (LOSSY_TOLERANCE + 1, True)):
        touched = grey.copy()
        touched[2, 2, 1] += step
        assert is_colour(Pixels(touched, 8, RGB, lossy=True)) is expected


def test_a_problem_travels_between_processes_with_its_code() -> None:
    import pickle

    problem = pickle.loads(pickle.dumps(ImageProblem(FindingCode.TRUNCATED, "offset 3")))  # noqa: S301 - our own
    assert (problem.code, problem.detail, str(problem)) == (FindingCode.TRUNCATED, "offset 3", "TRUNCATED: offset 3")
