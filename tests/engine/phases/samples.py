"""Genuine target samples for tests: small, of every category, written by the miniature vendor and not by the engine."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import create_engine

from demo.dexis10 import write_empty_database
from demo.dexis11 import insert
from demo.vendor.dexfile import DexDisplay, DexImage, DexTable, dex_bytes, security_hash
from engine.settings import SampleSettings

Row = dict[str, Any]
INTRAORAL, PANORAMIC, CEPHALOGRAM, INTRAORAL_PHOTO, EXTRAORAL_PHOTO = range(1, 6)
_CATEGORIES = [*[INTRAORAL] * 4, PANORAMIC, CEPHALOGRAM, INTRAORAL_PHOTO, EXTRAORAL_PHOTO] * 3
_TEETH = ("teeth=206%3B307", None, "teeth=505", "teeth=108S")
_DAY = datetime.fromisoformat("2012-03-04T05:06:07")


_TABLE = DexTable(-7, 12, "weich", (0, 1, 4095, 65535))
_DISPLAYS = {  # by number modulo 8: every part the format has, alone and together
    1: DexDisplay(rescale=(2.0, -1024.5)),
    2: DexDisplay(spacing=(0.0195, 0.0195)),
    3: DexDisplay(voi=_TABLE),
    5: DexDisplay((1.0, 0.0), (0.1, 0.2), ((7.0, 9.5, "SIGMOID", "weiß"), (1.0, 2.0, "LINEAR", "")), _TABLE, _TABLE),
    6: DexDisplay(modality=_TABLE),
}


@dataclass
class Sample:
    """One sample: what its row and its file say. Change either, then write."""

    key: int
    category: int
    ending: str
    data: bytes
    visual: Row
    image: Row

    @property
    def path(self) -> str:
        h = f"{self.key:08x}"
        return f"Images/{h[0]}{h[4]}/{h[1]}{h[5]}/{h[2]}{h[6]}/{h}.{self.ending}"

    def patch(self, offset: int, content: bytes) -> None:
        """Overwrites bytes of the file; a negative offset counts from its end."""
        changed = bytearray(self.data)
        start = offset % len(changed)
        changed[start : start + len(content)] = content
        self.data = bytes(changed)


def dex_image(key: int) -> DexImage:
    """A small radiograph, different for each key, in every form the format knows."""
    chance = np.random.default_rng(key)
    bits, samples = int(chance.integers(8, 17)), 3 if key % 7 == 3 else 1
    allocated = 8 if samples == 3 else 16
    bits = 8 if samples == 3 else bits
    width, height = 20 + key % 5, 30
    values = chance.integers(0, 1 << bits, (height, width, samples)).astype("<u2")
    window = (float(1 << bits - 1), float(1 << bits)) if key % 3 == 0 else None
    display = _DISPLAYS.get(key % 8, DexDisplay())
    return DexImage(
        visual_id=key,
        width=width,
        height=height,
        bits_allocated=allocated,
        bits_stored=bits,
        samples=samples,
        low_is_white=samples == 1 and key % 2 == 0,
        window=display.windows[0][:2] if display.windows else window,
        acquired_at=_DAY + timedelta(days=key),
        person="Ødegård^Ana",
        values=values.tobytes(),
        display=display,
    )


def _photo(key: int, ending: str) -> tuple[bytes, bytes]:
    pixels = np.random.default_rng(key).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, {"jpg": "JPEG", "png": "PNG"}[ending])
    data = target.getvalue()
    return data, md5(data if ending == "jpg" else pixels.tobytes(), usedforsecurity=False).digest()


def _sample(number: int, category: int) -> Sample:
    key = 300_000 + 4_097 * number
    ending = "dex" if category <= CEPHALOGRAM else ("jpg", "png")[number % 2]
    if ending == "dex":
        data, digest = dex_bytes(dex_image(key)), security_hash(dex_image(key))
    else:
        data, digest = _photo(key, ending)
    visual = {"VisualID": key, "SeriesID": 3, "ImageCategory": category}
    visual |= {"Settings": f"Turn={number % 4}&Flip={number // 4 % 2}", "Teeth": _TEETH[number % 4]}
    image = {"VisualID": key, "UID": f"2.25.{key}", "ImageNum": number, "SecurityHash": digest}
    image |= {"AcquiredDate": str(_DAY + timedelta(days=key)), "DeviceMake": "DEXIS", "DeviceModel": None}
    return Sample(key, category, ending, data, visual, {**image, "DeviceSerial": "PL-1"})


@dataclass
class GenuineSamples:
    """Twenty-four samples of one person."""

    samples: list[Sample] = field(
        default_factory=lambda: [_sample(number, category) for number, category in enumerate(_CATEGORIES)]
    )

    def one(self, wanted: Callable[[Sample], bool]) -> Sample:
        return next(sample for sample in self.samples if wanted(sample))

    def write(self, folder: Path) -> SampleSettings:
        """Database and store below `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        url, store = f"sqlite:///{folder / 'samples.sqlite'}", folder / "samples"
        write_empty_database(url)
        engine = create_engine(url)
        with engine.begin() as connection:
            insert(connection, "Person", [{"PersonID": 1, "SSN": None, "Removed": 0}])
            name = {"PersonID": 1, "TypeID": 1, "FamilyName": "Ødegård", "GivenName": "Ana"}
            insert(connection, "PersonName", [name])
            insert(connection, "Patient", [{"PersonID": 1, "ExternalID": "0042", "DateOfBirth": None, "Sex": "F"}])
            insert(connection, "Study", [{"StudyRecordID": 2, "PatientID": 1, "Name": "Visit", "CreatedDate": None}])
            insert(connection, "Series", [{"SeriesID": 3, "StudyRecordID": 2, "Name": "Default Series"}])
            insert(connection, "Visual", [sample.visual for sample in self.samples])
            insert(connection, "Image", [sample.image for sample in self.samples])
        engine.dispose()
        for sample in self.samples:
            place = store / sample.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(sample.data)
        return SampleSettings(url, store)


def rewritten(sample: Sample, **changed: Any) -> None:
    """The sample's file as the vendor writes it for other values, hash included."""
    image = replace(dex_image(sample.key), **changed)
    sample.data, sample.image["SecurityHash"] = dex_bytes(image), security_hash(image)
