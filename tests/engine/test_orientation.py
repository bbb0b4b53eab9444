"""The eight orientations: group laws, and every notation rendered on arrays by numpy's own turns and flips."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from engine.imaging.render import shown
from engine.orientation import ALL, FROM_EXIF, MIRRORS, ORDERS, UNITS, UPRIGHT, Orientation, OrientationNotation

PICTURE = np.arange(12).reshape(3, 4)
COLOUR = np.arange(36).reshape(3, 4, 3)
NOTATIONS = [OrientationNotation(*parts) for parts in product(sorted(UNITS), sorted(MIRRORS), sorted(ORDERS))]


def rendered(picture: NDArray[Any], notation: OrientationNotation, rotation: int, mirrored: bool) -> NDArray[Any]:
    """What a viewer that knows only the notation's own words shows."""
    quarter = rotation // 90 if notation.unit.startswith("degrees") else rotation
    counterclockwise = quarter if notation.unit.endswith("counterclockwise") else -quarter
    flip = np.fliplr if notation.mirror == "horizontal" else np.flipud
    if notation.order == "mirror-then-rotate":
        return np.rot90(flip(picture) if mirrored else picture, counterclockwise)
    turned = np.rot90(picture, counterclockwise)
    return flip(turned) if mirrored else turned


def rotations(notation: OrientationNotation) -> list[int]:
    return [turns * (90 if notation.unit.startswith("degrees") else 1) for turns in range(4)]


@pytest.mark.parametrize("orientation", ALL)
def test_shown_is_a_mirror_and_then_clockwise_turns(orientation: Orientation) -> None:
    expected = np.fliplr(PICTURE) if orientation.mirrored else PICTURE
    for _ in range(orientation.quarter_turns):
        expected = np.rot90(expected, 1, axes=(1, 0))
    assert np.array_equal(shown(PICTURE, orientation), expected)


def test_the_eight_are_eight_different_views() -> None:
    assert len({(shown(PICTURE, one).shape, shown(PICTURE, one).tobytes()) for one in ALL}) == len(ALL) == 8


def test_colour_is_turned_pixel_by_pixel() -> None:
    for orientation in ALL:
        channels = [shown(COLOUR[..., channel], orientation) for channel in range(3)]
        assert np.array_equal(shown(COLOUR, orientation), np.stack(channels, axis=-1))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_notation_means_what_its_words_render(notation: OrientationNotation) -> None:
    for rotation, mirrored in product(rotations(notation), (False, True)):
        meant = notation.read(rotation, mirrored)
        assert np.array_equal(shown(PICTURE, meant), rendered(PICTURE, notation, rotation, mirrored))


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_orientation_is_written_so_that_it_renders_the_same(notation: OrientationNotation) -> None:
    for orientation in ALL:
        rotation, mirrored = notation.write(orientation)
        assert rotation in rotations(notation)
        assert np.array_equal(rendered(PICTURE, notation, rotation, mirrored), shown(PICTURE, orientation))
        assert notation.read(rotation, mirrored) == orientation


@pytest.mark.parametrize("source", NOTATIONS)
def test_what_one_system_shows_every_other_system_shows(source: OrientationNotation) -> None:
    for target, rotation, mirrored in product(NOTATIONS, rotations(source), (False, True)):
        written = target.write(source.read(rotation, mirrored))
        assert np.array_equal(rendered(PICTURE, source, rotation, mirrored), rendered(PICTURE, target, *written))


def test_then_is_showing_twice() -> None:
    for first, second in product(ALL, ALL):
        assert np.array_equal(shown(shown(PICTURE, first), second), shown(PICTURE, first.then(second)))


def test_the_orientations_are_a_group() -> None:
    for one, two, three in product(ALL, ALL, ALL):
        assert one.then(two) in ALL
        assert one.then(two).then(three) == one.then(two.then(three))
    for one in ALL:
        assert one.then(UPRIGHT) == UPRIGHT.then(one) == one
        assert one.then(one.inverse()) == one.inverse().then(one) == UPRIGHT


def test_whole_turns_and_turns_backwards_are_understood() -> None:
    notation = OrientationNotation("degrees-clockwise", "horizontal", "rotate-then-mirror")
    assert notation.read(450, False) == notation.read(90, False)
    assert notation.read(-90, False) == notation.read(270, False)


def test_a_part_of_a_quarter_turn_is_refused() -> None:
    notation = OrientationNotation("degrees-clockwise", "horizontal", "rotate-then-mirror")
    with pytest.raises(ValueError, match="multiple of 90"):
        notation.read(45, False)


@pytest.mark.parametrize("turns", [-1, 4])
def test_an_orientation_has_at_most_three_quarter_turns(turns: int) -> None:
    with pytest.raises(ValueError, match="0 to 3"):
        Orientation(turns)


@pytest.mark.parametrize("exif", range(1, 9))
def test_exif_means_what_pillow_renders(exif: int) -> None:
    picture = Image.fromarray(PICTURE.astype(np.uint8))
    picture.getexif()[274] = exif
    assert np.array_equal(shown(PICTURE, FROM_EXIF[exif]), np.asarray(ImageOps.exif_transpose(picture)))


def test_exif_names_each_of_the_eight_once() -> None:
    assert set(FROM_EXIF.values()) == set(ALL)


@pytest.mark.parametrize(("exif", "notation"), product(range(1, 9), NOTATIONS))
def test_a_photo_turned_by_exif_and_by_its_record_is_shown_as_both_one_after_the_other(
    exif: int, notation: OrientationNotation
) -> None:
    turned = np.asarray(shown(PICTURE, FROM_EXIF[exif]))
    for rotation, mirrored in product(rotations(notation), (False, True)):
        both = FROM_EXIF[exif].then(notation.read(rotation, mirrored))
        assert np.array_equal(shown(PICTURE, both), rendered(turned, notation, rotation, mirrored))


def test_an_orientation_says_in_words_what_it_does() -> None:
    words = [str(one) for one in (UPRIGHT, Orientation(1), Orientation(0, True), Orientation(3, True))]
    assert words == ["upright", "90 degrees clockwise", "mirrored", "mirrored and 270 degrees clockwise"]
