"""The reconciler's own readings agree with what the conversion writes; each was written without the other."""

from __future__ import annotations

import itertools
import struct
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.orientation import ALL, OrientationNotation
from engine.profiles.load import load_target
from engine.reconcile.disk_view import key_of, path_for
from engine.reconcile.native_reader import NativeDamaged, layout_of, packed_text, read_native
from engine.reconcile.rendering import Turner, reading_of, truth_of
from engine.reconcile.teeth_text import TeethUnreadable, teeth_of
from engine.teeth import ALL_TEETH, TeethNotation
from tests.engine.reconcile.shots import dex, md5, shots

UNITS = ("degrees-clockwise", "degrees-counterclockwise", "quarter-turns-clockwise", "quarter-turns-counterclockwise")
NOTATIONS = tuple(itertools.product(UNITS, ("horizontal", "vertical"), ("rotate-then-mirror", "mirror-then-rotate")))
PICTURE = np.arange(12).reshape(3, 4)
TEMPLATES = tuple(rule.path for rule in load_target("dexis10").files)


@pytest.mark.parametrize("one", NOTATIONS)
def test_a_view_written_in_any_notation_is_shown_as_in_any_other(one: tuple[str, str, str]) -> None:
    for other, orientation in itertools.product(NOTATIONS, ALL):
        first, second = OrientationNotation(*one).write(orientation), OrientationNotation(*other).write(orientation)
        assert np.array_equal(Turner(*one).shown(PICTURE, *first), Turner(*other).shown(PICTURE, *second))
        assert Turner(*one).name(*first) == Turner(*other).name(*second)


def test_the_eight_views_have_eight_names() -> None:
    turner = Turner("degrees-clockwise", "horizontal", "rotate-then-mirror")
    names = {turner.name(turn, mirrored) for turn in (0, 90, 180, 270) for mirrored in (False, True)}
    assert len(names) == 8


def test_ninety_degrees_clockwise_puts_the_left_edge_on_top() -> None:
    turner = Turner("degrees-clockwise", "horizontal", "rotate-then-mirror")
    assert turner.shown(PICTURE, 90, mirrored=False)[0].tolist() == PICTURE[::-1, 0].tolist()
    assert turner.shown(PICTURE, 90, mirrored=True)[0].tolist() == PICTURE[:, 0].tolist()


def test_parts_of_a_turn_and_texts_of_another_template_are_refused() -> None:
    with pytest.raises(ValueError, match="quarter turn"):
        Turner("degrees-clockwise", "horizontal", "rotate-then-mirror").name(45, mirrored=False)
    for text in ("Turn=1", "Turn=1&Flip=2", "Turn=1&Flip=0&Flip=1", ""):
        with pytest.raises(ValueError, match=r"template|yes"):
            reading_of("Turn={rotation}&Flip={mirrored}", text)
    assert [truth_of(value) for value in (True, 0, "1", "F", None)] == [True, False, True, False, False]


@pytest.mark.parametrize("notation", ["fdi", "fdi3", "ada", "palmer"])
def test_teeth_have_one_name_in_every_notation(notation: str) -> None:
    for tooth in ALL_TEETH:
        text = TeethNotation(notation, ";", "x=").write((tooth,))
        extra = "+" if tooth.supernumerary else ""
        assert teeth_of(text, notation, ";", "x=") == (f"{tooth.quadrant}.{tooth.position}{extra}",)


@pytest.mark.parametrize(
    ("text", "notation"),
    [
        ("x=9", "fdi"),
        ("x=19", "fdi"),
        ("x=56", "fdi"),
        ("26", "fdi"),
        ("x=83", "ada"),
        ("x=33", "ada"),
        ("x=U", "ada"),
        ("x=UR9", "palmer"),
    ],
)
def test_what_names_no_tooth_is_not_understood(text: str, notation: str) -> None:
    with pytest.raises(TeethUnreadable):
        teeth_of(text, notation, ";", "x=")


@given(st.integers(0, 0xFFFFFFFF))
def test_a_path_stands_for_exactly_the_key_it_was_made_of(key: int) -> None:
    for template in TEMPLATES:
        assert key_of(path_for(template, key), TEMPLATES) == str(key)


@pytest.mark.parametrize(
    "path",
    ["Images/00/00/00/00001388.dex", "Images/00/01/03/00001388.DEX", "00001388.dex", "Images/00/01/03/0000138.dex"],
)
def test_a_path_that_no_template_makes_stands_for_nothing(path: str) -> None:
    assert key_of(path, TEMPLATES) is None


def _native() -> bytes:
    shot = next(shot for shot in shots() if shot.key == 11)
    payload = shot.pixels.astype("<u2").tobytes()
    return dex(shot, shot.visual, "Müller^Anna", payload, md5(payload))


def test_a_native_file_gives_its_fields_and_pixels() -> None:
    shot = next(shot for shot in shots() if shot.key == 11)
    file = read_native(layout_of(load_target("dexis10").native), _native())
    assert np.array_equal(file.pixels, shot.pixels)
    assert file.meant["key(image)"] == shot.visual
    assert file.meant["person()"] == "Müller^Anna"
    assert file.meant["image.acquired_at"] == datetime.fromisoformat("2019-03-04T12:20:30")
    assert all(field.fixed in (None, raw) for field, _, raw in file.fields)


def test_a_native_file_of_another_length_is_damaged() -> None:
    layout, whole = layout_of(load_target("dexis10").native), _native()
    for data in (b"", whole[:100], whole[:-1], whole + b"\0", whole[:12] + struct.pack("<I", 13) + whole[16:]):
        with pytest.raises(NativeDamaged):
            read_native(layout, data)


def test_a_long_name_is_cut_between_letters() -> None:
    packed = packed_text("я" * 80, 132, "utf-8")
    assert packed == b"\0" + ("я" * 65).encode() + b"\0"
    assert packed_text("a" + "я" * 80, 132, "utf-8") == b"\0" + ("a" + "я" * 64).encode() + b"\0\0"
