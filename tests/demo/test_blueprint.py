"""What the demo practice promises to contain, at its default size."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from demo.blueprint import Blueprint
from demo.draw import draw
from demo.photographs import Photograph
from demo.radiographs import Radiograph
from demo.world import DEFAULT_PATIENTS, DEFAULT_SEED

_EIGHT = {(rotation, mirrored) for rotation in (0, 90, 180, 270) for mirrored in (False, True)}


@pytest.fixture(scope="module")
def practice() -> Blueprint:
    return draw(DEFAULT_PATIENTS, seed=DEFAULT_SEED)


def _radiographs(practice: Blueprint) -> list[Radiograph]:
    return [medium.picture for medium in practice.images if isinstance(medium.picture, Radiograph)]


def test_the_default_practice_has_sixty_patients_and_five_hundred_images_to_convert(practice: Blueprint) -> None:
    assert sum(not person.deleted for person in practice.people) == 60
    assert sum(medium.fate == "kept" for medium in practice.images) >= 500


@pytest.mark.parametrize("encoding", ["explicit", "implicit", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
def test_every_dicom_encoding_meets_all_eight_orientations(practice: Blueprint, encoding: str) -> None:
    met = {(image.rotation, image.mirrored) for image in practice.images if image.encoding == encoding}
    assert met == _EIGHT


def test_every_depth_is_there_in_both_photometric_interpretations(practice: Blueprint) -> None:
    met = {(picture.bits, picture.photometric) for picture in _radiographs(practice)}
    assert met == {(bits, kind) for bits in range(10, 16) for kind in ("MONOCHROME1", "MONOCHROME2")}


def test_sizes_are_those_of_the_sensors(practice: Blueprint) -> None:
    sizes = Counter((picture.width, picture.height) for picture in _radiographs(practice))
    assert {(1344, 1850), (1040, 1552), (2976, 1536)} < set(sizes)
    assert sizes[1344, 1850] > sizes[1040, 1552] > sizes[2976, 1536]


def test_photographs_come_as_jpeg_png_and_dicom(practice: Blueprint) -> None:
    photos = Counter(image.encoding for image in practice.images if isinstance(image.picture, Photograph))
    assert set(photos) == {"jpeg", "png", "dicom-rgb"}


def test_what_must_be_declared_and_what_must_be_accepted_occurs(practice: Blueprint) -> None:
    kinds = Counter(medium.kind for _, _, _, medium in practice.media)
    assert kinds["VOLUME"] == 2 and kinds["ATTACHMENT"] == 1
    assert {medium.fate for medium in practice.images} == {"kept", "missing", "empty"}
    assert any(medium.deleted for _, _, _, medium in practice.media)
    assert any(person.deleted for person in practice.people)
    assert practice.annotations


def test_chart_numbers_include_the_hard_ones(practice: Blueprint) -> None:
    charts = [person.chart_number for person in practice.people]
    assert None in charts
    assert [count for chart, count in Counter(charts).items() if chart and count > 1] == [2]
    assert any(chart and chart.startswith("00") and chart.isdigit() for chart in charts)
    assert any(chart and not chart.isdigit() for chart in charts)
    assert all(chart is None or len(chart) <= 16 for chart in charts)


@pytest.mark.parametrize(
    "script", ["LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HANGUL", "DEVANAGARI", "THAI"]
)
def test_names_come_in_many_scripts(practice: Blueprint, script: str) -> None:
    letters = {letter for person in practice.people for letter in person.family_name}
    assert any(unicodedata.name(letter, "").startswith(script) for letter in letters)


def test_teeth_are_permanent_deciduous_and_supernumerary(practice: Blueprint) -> None:
    teeth = {tooth for image in practice.images for tooth in (image.teeth or "").split(";")}
    assert {"16", "54", "11S", ""} <= teeth


def test_uids_and_stamps_are_unique(practice: Blueprint) -> None:
    uids = [medium.uid for _, _, _, medium in practice.media]
    stamps = [image.picture.stamp for image in practice.images if image.picture]
    assert len(set(uids)) == len(uids) and len(set(stamps)) == len(stamps)


def test_the_same_seed_draws_the_same_practice_and_another_seed_another() -> None:
    assert draw(4, seed=1) == draw(4, seed=1) != draw(4, seed=2)


def test_more_patients_can_be_asked_for() -> None:
    assert sum(not person.deleted for person in draw(150, seed=1).people) == 150
