"""Draws the demo practice from its seed: who came when, what was taken, and how each file is encoded."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from demo.blueprint import Annotation, Blueprint, Device, Medium, Picture, Series, Study
from demo.people import Person, make_people
from demo.photographs import Photograph
from demo.radiographs import Radiograph

_FIRST_VISIT, _LAST_VISIT = datetime.fromisoformat("2014-03-03T08:00"), datetime.fromisoformat("2025-06-27T17:00")
_DELETED_PEOPLE = 2
_IMAGES_PER_PERSON = (8, 9, 9)
_VOLUME_OWNERS, _LETTER_OWNERS = (1, 3), (2,)  # by place in the list of people
_MISSING_FILE, _EMPTY_FILE, _NO_TIME, _DELETED_IMAGES = 12, 21, 9, (5, 17)  # by number of the image
_MISLABELLED_PHOTO = 15  # by number of the image: a photograph filed as an X-ray

_LARGE, _SMALL, _PANORAMIC, _CEPHALOGRAM = (1344, 1850), (1040, 1552), (2976, 1536), (1840, 1536)
_PHOTO = (1920, 1080)
# Twenty images in this mix, over and over: 70% large, 15% small sensor, 5% panoramic or cephalogram, 10% photographs.
_DECK = tuple("LLPLSLLCLSLLLFLLSLLL")
_XRAYS = {"L": ("INTRAORAL", _LARGE), "S": ("INTRAORAL", _SMALL), "C": ("CEPHALOGRAM", _CEPHALOGRAM)}
# Seventeen, so that each encoding meets each of the eight orientations and each depth.
_ENCODINGS = ("explicit", "jpeg-lossless", "explicit", "implicit", "jpeg-ls", "explicit", "jpeg-2000") + (
    "explicit",
) * 10
_DEPTHS = (("RG1", 12), ("RG3", 10), ("RG1", 14), ("RG1", 15), ("RG3", 11), ("RG1", 13))
_PHOTO_FILES = ("jpeg", "png", "dicom-rgb", "jpeg")
_VISITS = ("Recall", "Emergency visit", "Full mouth survey", "Орто-консультация", "初診", None)
_SERIES = ("Bitewings", None, "Default Series", "Периапикальные", "パノラマ")
_TEETH = ("16", "11;21", "26;27", "36", "46;47;48", "18", "54;55", "75", "11S", "28S;28", "64", None)


@dataclass
class _Counters:
    """Keys given out so far; each table counts by itself."""

    chance: random.Random
    study: int = 0
    series: int = 0
    medium: int = 0
    image: int = 0
    photo: int = 0
    xray: int = 0
    devices: Sequence[Device] = field(default_factory=tuple)

    def uid(self) -> str:
        return f"2.25.{self.chance.getrandbits(127)}"


def draw(patients: int, *, seed: int) -> Blueprint:
    """The practice of `seed` with `patients` people whom it has not deleted."""
    people = make_people(patients, seed=seed, deleted=_DELETED_PEOPLE)
    chance = random.Random(f"blueprint {seed}")
    devices = _devices(chance)
    counters = _Counters(chance, devices=devices)
    studies = tuple(_studies(person, place, counters) for place, person in enumerate(people))
    return Blueprint(people, studies, devices, tuple(_annotations(people, studies)))


def _devices(chance: random.Random) -> tuple[Device, ...]:
    made = (
        ("DEXIS", "Platinum"),
        ("Gendex", "GXS-700"),
        ("KaVo", "OP 3D Pro"),
        ("KaVo", "OC200 D"),
        ("Canon", "EOS 90D"),
    )
    return tuple(
        Device(key, maker, model, f"{model[:2].upper()}{chance.randrange(10**9):09d}-{chance.choice('KMQRT')}")
        for key, (maker, model) in enumerate(made, start=1)
    )


def _studies(person: Person, place: int, counters: _Counters) -> tuple[Study, ...]:
    """One to three visits; one person in forty was entered and never came."""
    if person.key % 40 == 0:
        return ()
    images = _IMAGES_PER_PERSON[place % len(_IMAGES_PER_PERSON)]
    visits = 1 + place % 3
    shares = [images // visits + (1 if turn < images % visits else 0) for turn in range(visits)]
    start = _FIRST_VISIT + timedelta(minutes=counters.chance.randrange(_minutes(_LAST_VISIT - _FIRST_VISIT)))
    extras = _extras(place)
    return tuple(
        _study(person, start + timedelta(days=140 * turn), share, extras if turn == 0 else (), counters)
        for turn, share in enumerate(shares)
    )


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _extras(place: int) -> tuple[str, ...]:
    return ("VOLUME",) * (place in _VOLUME_OWNERS) + ("ATTACHMENT",) * (place in _LETTER_OWNERS)


def _study(person: Person, start: datetime, images: int, extras: tuple[str, ...], counters: _Counters) -> Study:
    counters.study += 1
    key, uid = counters.study, counters.uid()
    name = _referral(person) if key % 16 == 3 else _VISITS[key % len(_VISITS)]
    drafts = [_draft(counters, start, number) for number in range(1, images + 1)]
    series = [_series(device, group, counters) for device, group in _by_device(drafts)]
    if extras:
        series.append(_extra_series(extras, start, counters))
    return Study(key, uid, name, start, tuple(series))


def _referral(person: Person) -> str:
    return f"Referred by {person.given_name} {person.family_name}"


def _by_device(drafts: list[tuple[int, Medium]]) -> list[tuple[int, list[Medium]]]:
    devices = sorted({device for device, _ in drafts})
    return [(wanted, [medium for device, medium in drafts if device == wanted]) for wanted in devices]


def _series(device: int, media: list[Medium], counters: _Counters) -> Series:
    counters.series += 1
    key = counters.series
    used = counters.devices[device] if key % 14 else None  # a few images were imported: no device
    placed = tuple(replace(medium, series_key=key, number=number) for number, medium in enumerate(media, start=1))
    return Series(key, counters.uid(), _SERIES[key % len(_SERIES)], used, placed)


def _extra_series(kinds: tuple[str, ...], start: datetime, counters: _Counters) -> Series:
    counters.series += 1
    key = counters.series
    media = tuple(_extra(kind, key, number, start, counters) for number, kind in enumerate(kinds, start=1))
    return Series(key, counters.uid(), "Other media", counters.devices[2], media)


def _extra(kind: str, series_key: int, number: int, start: datetime, counters: _Counters) -> Medium:
    counters.medium += 1
    uid = counters.uid()
    ending, encoding = ("dcm", "volume") if kind == "VOLUME" else ("txt", "letter")
    file = f"{uid}.{ending}"
    return Medium(
        counters.medium, series_key, kind, uid, file, None, start, number, 0, False, None, False, encoding, None
    )


def _draft(counters: _Counters, start: datetime, number: int) -> tuple[int, Medium]:
    """The next image of the deck, with the place of its device; its series is decided later."""
    counters.medium += 1
    counters.image += 1
    image = counters.image
    card = _DECK[(image - 1) % len(_DECK)]
    photo = card in "PF" or image == _MISLABELLED_PHOTO
    make = _photograph if photo else _radiograph
    category, encoding, ending, rotation, mirrored, picture = make(card, image, counters)
    uid = counters.uid()
    medium = Medium(
        key=counters.medium,
        series_key=0,
        kind="IMAGE",
        uid=uid,
        file=f"{uid}.{ending}",
        category=category,
        acquired_at=None if image == _NO_TIME else start + timedelta(seconds=47 * number),
        number=number,
        rotation=rotation,
        mirrored=mirrored,
        teeth=None if photo or category != "INTRAORAL" else _TEETH[image % len(_TEETH)],
        deleted=image in _DELETED_IMAGES,
        encoding=encoding,
        picture=picture,
        fate="missing" if image == _MISSING_FILE else "empty" if image == _EMPTY_FILE else "kept",
    )
    return _device_place(category, image, photo), medium


def _device_place(category: str, image: int, photo: bool) -> int:
    if photo:
        return 4
    return {"INTRAORAL": image % 2, "PANORAMIC": 2, "CEPHALOGRAM": 3}[category]


_Drawn = tuple[str, str, str, int, bool, Picture]


def _radiograph(card: str, image: int, counters: _Counters) -> _Drawn:
    turn = counters.xray
    counters.xray += 1
    panoramic = card == "C" and (image // len(_DECK)) % 3 != 2  # of three such cards, two are panoramics
    category, (width, height) = ("PANORAMIC", _PANORAMIC) if panoramic else _XRAYS[card]
    original, bits = _DEPTHS[turn % len(_DEPTHS)]
    rotation, mirrored = 90 * (turn % 4), (turn // 4) % 2 == 1
    photometric = "MONOCHROME1" if (turn // 6) % 2 else "MONOCHROME2"
    picture = Radiograph(original, width, height, bits, photometric, rotation, mirrored, image)
    return category, _ENCODINGS[turn % len(_ENCODINGS)], "dcm", rotation, mirrored, picture


def _photograph(card: str, image: int, counters: _Counters) -> _Drawn:
    turn = counters.photo
    counters.photo += 1
    mislabelled = image == _MISLABELLED_PHOTO
    encoding = "dicom-rgb" if mislabelled else _PHOTO_FILES[turn % len(_PHOTO_FILES)]
    ending = {"jpeg": "jpg", "png": "png", "dicom-rgb": "dcm"}[encoding]
    category = "INTRAORAL" if mislabelled else "PICTURE_INTRAORAL" if card == "P" else "PICTURE_EXTRAORAL"
    rotation, mirrored = (0, False) if turn % 3 else (90 * (turn % 4), turn % 2 == 1)
    picture = Photograph(*_PHOTO, turn, image, grey=encoding == "png" and turn % 8 == 5)
    return category, encoding, ending, rotation, mirrored, picture


def _annotations(people: tuple[Person, ...], studies: tuple[tuple[Study, ...], ...]) -> Iterator[Annotation]:
    """A line on every eleventh image, and a text that names its patient on every thirty-third."""
    images = [
        (person, medium)
        for person, visits in zip(people, studies, strict=True)
        for study in visits
        for series in study.series
        for medium in series.media
        if medium.picture
    ]
    for key, (person, medium) in enumerate(images[::11], start=1):
        text = f"{person.given_name} {person.family_name}" if key % 3 == 0 else None
        geometry = {"points": [[120, 340], [410, 388]]} | ({"text": text} if text else {})
        kind = "TEXT" if text else "LINE"
        yield Annotation(key, medium.key, kind, json.dumps(geometry, ensure_ascii=False))
