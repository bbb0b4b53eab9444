"""Thirty genuine-looking DEXIS 10 images of every category: an old archive of the same practice."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import Connection, create_engine

from demo.dexis10 import write_empty_database, write_empty_store
from demo.dexis11 import insert, moment
from demo.people import Person, make_people
from demo.photographs import Photograph
from demo.radiographs import Radiograph
from demo.vendor.dexfile import DexImage, dex_bytes, security_hash

_PEOPLE, _IMAGES_EACH = 6, 5
_FIRST_PERSON, _FIRST_VISUAL, _VISUAL_STEP = 5001, 348_565, 4_099
_FIRST_DAY = datetime.fromisoformat("2011-05-09T09:15:30")
_STAMP = 1 << 20  # apart from the stamps of the DEXIS 11 practice
_XRAY_SIZES = {1: ((1344, 1850), (1040, 1552)), 2: ((2976, 1536),), 3: ((1840, 1536),)}
# DEXIS 10's codes: 1 intraoral, 2 panoramic, 3 cephalogram, 4 intraoral photo, 5 extraoral photo.
_CATEGORIES = (1, 1, 2, 1, 4, 1, 3, 1, 5, 1) * 3
_FILE_TYPES = {4: ("jpg", "png", "jpg"), 5: ("png", "jpg", "png")}
_COLOUR_XRAY = 13  # by number of the sample: colour, filed as an X-ray
_DEPTHS = (("RG1", 12), ("RG3", 10), ("RG1", 15), ("RG1", 14), ("RG3", 11), ("RG1", 13), ("RG1", 10))
_TEETH = ("teeth=206%3B307", "teeth=101", None, "teeth=504%3B505", "teeth=108S", "teeth=306%3B307%3B308")
_DEVICES = (("DEXIS", "Platinum", "PL40017733-K"), ("Gendex", "GXS-700", "GX90218846-M"), (None, None, None))


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its row values and its file."""

    person: Person
    visual_id: int
    number: int
    category: int
    ending: str
    settings: str
    teeth: str | None
    uid: str
    acquired_at: datetime
    device: tuple[str | None, str | None, str | None]
    data: bytes
    integrity: bytes

    @property
    def path(self) -> str:
        """Below the data folder: `Images`, three folders of two digits each, the number."""
        h = f"{self.visual_id:08x}"
        return f"Images/{h[0]}{h[4]}/{h[1]}{h[5]}/{h[2]}{h[6]}/{h}.{self.ending}"


def draw_samples(seed: int) -> Iterator[Sample]:
    """The samples of `seed`, one by one."""
    chance = random.Random(f"samples {seed}")
    people = make_people(_PEOPLE, seed=seed + 1_000_003, first_key=_FIRST_PERSON)
    for number, category in enumerate(_CATEGORIES):
        yield _sample(number, category, people[number // _IMAGES_EACH], f"2.25.{chance.getrandbits(127)}")


def write_samples(url: str, store: Path, seed: int) -> set[str]:
    """Write database and data folder; returns every identifying value planted."""
    write_empty_database(url)
    write_empty_store(store)
    samples = []
    for sample in draw_samples(seed):
        path = store / sample.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
        samples.append(sample)
    _insert(url, samples)
    return {value for sample in samples for value in _identifiers(sample)}


def _identifiers(sample: Sample) -> set[str]:
    serial = {sample.device[2]} - {None}
    return {*sample.person.identifiers, sample.uid, sample.acquired_at.isoformat(" "), *map(str, serial)}


def _sample(number: int, category: int, person: Person, uid: str) -> Sample:
    visual_id = _FIRST_VISUAL + number * _VISUAL_STEP
    acquired_at = _FIRST_DAY + timedelta(days=61 * number, seconds=97 * number)
    turn, flip = number % 4, (number // 4) % 2
    colour = category in _FILE_TYPES
    ending = _FILE_TYPES[category][number % 3] if colour else "dex"
    if colour:
        data, integrity = _photograph(number, ending)
    else:
        dex = _dex_image(number, category, visual_id, person, acquired_at, (turn, flip))
        data, integrity = dex_bytes(dex), security_hash(dex)
    return Sample(
        person=person,
        visual_id=visual_id,
        number=1 + number % _IMAGES_EACH,
        category=category,
        ending=ending,
        settings=f"Turn={turn}&Flip={flip}",
        teeth=_TEETH[number % len(_TEETH)] if category == 1 else None,
        uid=uid,
        acquired_at=acquired_at,
        device=_DEVICES[number % len(_DEVICES)],
        data=data,
        integrity=integrity,
    )


def _photograph(number: int, ending: str) -> tuple[bytes, bytes]:
    pixels = Photograph(1920, 1080, number, _STAMP + number).pixels()
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG" if ending == "jpg" else "PNG", compress_level=1)
    covered = target.getvalue() if ending == "jpg" else pixels.tobytes()
    return target.getvalue(), md5(covered, usedforsecurity=False).digest()


def _dex_image(
    number: int, category: int, visual_id: int, person: Person, acquired_at: datetime, shown: tuple[int, int]
) -> DexImage:
    original, bits = _DEPTHS[number % len(_DEPTHS)]
    width, height = _XRAY_SIZES[category][number % len(_XRAY_SIZES[category])]
    low_is_white = number % 3 == 0
    colour = number == _COLOUR_XRAY
    if colour:
        pixels, bits, low_is_white = Photograph(1920, 1080, 1, _STAMP + number).pixels().astype(np.uint16), 8, False
    else:
        pixels = _stored(original, width, height, bits, low_is_white, number, shown)
    return DexImage(
        visual_id=visual_id,
        width=pixels.shape[1],
        height=pixels.shape[0],
        bits_allocated=8 if colour else 16,
        bits_stored=bits,
        samples=3 if colour else 1,
        low_is_white=low_is_white,
        window=(float(1 << bits - 1), float(1 << bits)) if number % 4 == 1 and not colour else None,
        acquired_at=acquired_at,
        person=f"{person.family_name}^{person.given_name}",
        values=pixels.astype("<u2").tobytes(),
    )


def _stored(
    original: str, width: int, height: int, bits: int, low_is_white: bool, number: int, shown: tuple[int, int]
) -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    """Pixels that stand upright once mirrored top to bottom (or not) and turned counter-clockwise."""
    turn, flip = shown
    sideways = turn % 2 == 1
    size = (height, width) if sideways else (width, height)
    photometric = "MONOCHROME1" if low_is_white else "MONOCHROME2"
    upright = Radiograph(original, *size, bits, photometric, 0, False, _STAMP + number).pixels()
    turned_back = np.rot90(upright, -turn)
    return np.ascontiguousarray(np.flipud(turned_back) if flip else turned_back)


def _insert(url: str, samples: list[Sample]) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for person in dict.fromkeys(sample.person for sample in samples):
            _insert_person(connection, person, [sample for sample in samples if sample.person is person])
    engine.dispose()


def _insert_person(connection: Connection, person: Person, samples: list[Sample]) -> None:
    insert(connection, "Person", [{"PersonID": person.key, "SSN": None, "Removed": 0}])
    insert(connection, "PersonName", [_name_row(person)])
    insert(connection, "Patient", [_patient_row(person)])
    study = {"StudyRecordID": person.key, "PatientID": person.key, "Name": "Check-up", "CreatedDate": str(_FIRST_DAY)}
    insert(connection, "Study", [study])
    insert(connection, "Series", [{"SeriesID": person.key, "StudyRecordID": person.key, "Name": "Default Series"}])
    insert(connection, "Visual", [_visual_row(sample) for sample in samples])
    insert(connection, "Image", [_image_row(sample) for sample in samples])
    insert(connection, "ActivityLog", [_activity_row(sample) for sample in samples])


def _name_row(person: Person) -> Mapping[str, object]:
    names = {"FamilyName": person.family_name, "GivenName": person.given_name, "MiddleName": person.middle_name}
    return {"PersonID": person.key, "TypeID": 1, **names, "Title": None, "Suffix": None}


def _patient_row(person: Person) -> Mapping[str, object]:
    birth = moment(person.born)
    return {"PersonID": person.key, "ExternalID": person.chart_number, "DateOfBirth": birth, "Sex": person.sex}


def _visual_row(sample: Sample) -> Mapping[str, object]:
    return {
        "VisualID": sample.visual_id,
        "SeriesID": sample.person.key,
        "ImageCategory": sample.category,
        "Settings": sample.settings,
        "Teeth": sample.teeth,
    }


def _image_row(sample: Sample) -> Mapping[str, object]:
    make, model, serial = sample.device
    return {
        "VisualID": sample.visual_id,
        "UID": sample.uid,
        "ImageNum": sample.number,
        "SecurityHash": sample.integrity,
        "AcquiredDate": str(sample.acquired_at),
        "DeviceMake": make,
        "DeviceModel": model,
        "DeviceSerial": serial,
    }


def _activity_row(sample: Sample) -> Mapping[str, object]:
    event = "XRay" if sample.ending == "dex" else "Acquire"
    return {
        "Event": event,
        "Filename": sample.path,
        "ItemID": sample.visual_id,
        "EventDateTime": str(sample.acquired_at),
    }
