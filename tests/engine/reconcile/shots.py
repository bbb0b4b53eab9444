"""Pictures of a small practice: how the source holds each, and the file it must become, packed byte by byte."""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

Row = dict[str, Any]
NOON = datetime.fromisoformat("2019-03-04T12:20:30")


def grey(seed: int, shape: tuple[int, int] = (9, 14), bits: int = 12) -> NDArray[np.uint16]:
    """Pixels that no turn or mirror leaves alone."""
    return np.random.default_rng(seed).integers(0, 1 << bits, shape, dtype=np.uint16)


def colour(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (8, 11, 3), dtype=np.uint8)


def encoded(pixels: NDArray[Any], form: str) -> bytes:
    target = io.BytesIO()
    Pillow.fromarray(pixels).save(target, form, **({"quality": 90} if form == "JPEG" else {}))
    return target.getvalue()


def dicom(pixels: NDArray[Any], syntax: str = ExplicitVRLittleEndian, **tags: Any) -> bytes:
    """A DICOM file written by pydicom."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = pixels.dtype.itemsize * 8
    data.PixelRepresentation = 0
    for name, value in tags.items():
        setattr(data, name, value)
    data.HighBit = data.BitsStored - 1
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW"
    if syntax == RLELossless:
        data.compress(RLELossless)
    target = io.BytesIO()
    pydicom.dcmwrite(target, data, enforce_file_format=True)
    return target.getvalue()


@dataclass(frozen=True)
class Shot:
    """One image of the practice and what it must become."""

    key: int
    patient: int
    file: str
    data: bytes
    pixels: NDArray[Any]
    category: str = "INTRAORAL"
    rotation: int = 0
    mirrored: bool = False
    teeth: tuple[int, ...] = ()
    acquired_at: datetime | None = NOON
    flags: int = 0
    bits: int = 16
    window: tuple[float, float] = (0.0, 0.0)

    @property
    def is_photo(self) -> bool:
        return self.category.startswith("PICTURE")

    @property
    def uid(self) -> str:
        return f"1.2.826.{self.key}"

    @property
    def visual(self) -> int:
        """Keys of the target have an order of their own."""
        return 5000 - self.key


def shots() -> tuple[Shot, ...]:
    first, second, rle = grey(1), grey(2, bits=16), grey(3, (20, 6))
    snapshot, drawing, wide = encoded(colour(4), "JPEG"), encoded(colour(5), "PNG"), colour(6)
    late = datetime.fromisoformat("2021-12-31T23:59:59.123456")
    return (
        Shot(
            11,
            3,
            "a.dcm",
            dicom(first, BitsStored=12, WindowCenter="2048", WindowWidth="4000.5"),
            first,
            "PANORAMIC",
            rotation=90,
            mirrored=True,
            teeth=(26, 37),
            bits=12,
            flags=4,
            window=(2048.0, 4000.5),
        ),
        Shot(
            12,
            3,
            "b.dcm",
            dicom(second, ImplicitVRLittleEndian, PhotometricInterpretation="MONOCHROME1"),
            second,
            rotation=270,
            acquired_at=late,
            flags=1,
            teeth=(51,),
        ),
        Shot(
            13, 3, "c.jpg", snapshot, np.asarray(Pillow.open(io.BytesIO(snapshot))), "PICTURE_INTRAORAL", rotation=180
        ),
        Shot(14, 5, "d.dcm", dicom(rle, RLELossless), rle, "CEPHALOGRAM", mirrored=True, acquired_at=None),
        Shot(15, 5, "e.png", drawing, colour(5), "PICTURE_EXTRAORAL", rotation=90),
        Shot(16, 5, "f.dcm", dicom(wide), wide, "PICTURE_EXTRAORAL", mirrored=True),
    )


def target_file(shot: Shot, key: int, person: Row) -> tuple[bytes, bytes, str]:
    """(file, hash, type) of the target."""
    if shot.file.endswith(".jpg"):
        return shot.data, md5(shot.data), "jpg"
    if shot.is_photo:
        data = shot.data if shot.file.endswith(".png") else encoded(shot.pixels, "PNG")
        return data, md5(shot.pixels.tobytes()), "png"
    payload = shot.pixels.astype("<u2").tobytes()
    content = md5(payload)
    return dex(shot, key, f"{person['family_name']}^{person['given_name']}", payload, content), content, "dex"


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def dex(shot: Shot, key: int, person: str, payload: bytes, content: bytes) -> bytes:
    """A native file, field after field as its description lists them."""
    height, width = shot.pixels.shape
    ticks = (
        (shot.acquired_at - datetime.fromisoformat("1601-01-01")) // timedelta(microseconds=1) * 10
        if shot.acquired_at
        else 0
    )
    head = b"DEX1" + struct.pack("<HHIII", 256, 3, key, width, height)
    head += struct.pack("<BBBB", 16, shot.bits, 1, shot.flags) + struct.pack("<dd", *shot.window)
    head += struct.pack("<Q", ticks) + content + struct.pack("<I", len(payload))
    head += (b"\0" + person.encode()).ljust(132, b"\0") + bytes(56)
    assert len(head) == 256
    return head + payload + b"1XED"
