"""The bytes of each file in the DEXIS 11 store."""

from __future__ import annotations

import numpy as np

from demo import encodings
from demo.blueprint import Medium, Series, Study
from demo.encodings import Header
from demo.people import Person
from demo.photographs import Photograph
from demo.radiographs import Radiograph

_MODALITIES = {"INTRAORAL": "IO", "PANORAMIC": "PX", "CEPHALOGRAM": "DX"}
_VOLUME_SIDE, _VOLUME_FRAMES, _VOLUME_BITS = 128, 24, 12


def file_bytes(person: Person, study: Study, series: Series, medium: Medium) -> bytes:
    """What stands in the file of `medium`; none for one that is there but empty."""
    if medium.fate == "empty":
        return b""
    header = _header(person, study, series, medium)
    match medium.picture:
        case Radiograph() as radiograph:
            return _radiograph(header, radiograph, medium.encoding)
        case Photograph() as photograph:
            return _photograph(header, photograph, medium.encoding)
        case None:
            return _volume(header, medium.key) if medium.kind == "VOLUME" else _letter(person)


def _header(person: Person, study: Study, series: Series, medium: Medium) -> Header:
    device = series.device
    window = (1 << 9, 1 << 10) if medium.key % 5 == 0 and isinstance(medium.picture, Radiograph) else None
    return Header(
        person=person,
        study_uid=study.uid,
        series_uid=series.uid,
        uid=medium.uid,
        modality=_MODALITIES.get(medium.category or "", "OT"),
        number=medium.number,
        acquired_at=medium.acquired_at,
        device=(device.manufacturer, device.model, device.serial_number) if device else None,
        window=window,
    )


def _radiograph(header: Header, radiograph: Radiograph, encoding: str) -> bytes:
    return encodings.dicom(header, radiograph.pixels(), radiograph.bits, radiograph.photometric, encoding)


def _photograph(header: Header, photograph: Photograph, encoding: str) -> bytes:
    if encoding == "jpeg":
        return encodings.jpeg(photograph.pixels())
    if encoding == "png":
        return encodings.png(photograph.pixels())
    return encodings.dicom(header, photograph.pixels(), 8, "RGB", "explicit")


def _volume(header: Header, stamp: int) -> bytes:
    side = _VOLUME_SIDE
    slices = [
        Radiograph("RG1", side, side, _VOLUME_BITS, "MONOCHROME2", 0, False, stamp + n) for n in range(_VOLUME_FRAMES)
    ]
    frames = np.stack([piece.pixels() for piece in slices])
    return encodings.dicom(header, frames, _VOLUME_BITS, "MONOCHROME2", "explicit", frames=_VOLUME_FRAMES)


def _letter(person: Person) -> bytes:
    return f"Consent to treatment\n\nI, {person.given_name} {person.family_name}, agree.\n".encode()
