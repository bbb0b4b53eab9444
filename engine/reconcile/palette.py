"""Colours by palette (PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6), whole tables or tables in segments (C.7.9.2)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.dicom_reader import DicomPicture

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_TABLES, _SEGMENTED = 0x100, 0x120  # from a colour's descriptor to its table
_LARGEST = 1 << 16  # entries


def palette_shown(dicom: DicomPicture, indices: NDArray[Any]) -> NDArray[Any]:
    """(h, w, 3) of the colours that `indices` name. Raises LookupError or ValueError if the file brings no palette."""
    order, first_form = ">" if dicom.big_endian else "<", "h" if indices.dtype.kind == "i" else "H"
    planes = []
    for descriptor in _DESCRIPTORS:
        entries, first, bits = struct.unpack_from(f"{order}H{first_form}H", dicom.values[descriptor])
        if bits not in (8, 16):
            raise ValueError("a palette of another depth than 8 or 16 bits")
        colours = _colours(dicom, descriptor, entries or _LARGEST, bits, order)
        planes.append(colours[np.clip(indices.astype(np.int64) - first, 0, len(colours) - 1)])
    return np.stack(planes, axis=2)


def _colours(dicom: DicomPicture, descriptor: int, entries: int, bits: int, order: str) -> NDArray[Any]:
    segmented = dicom.values.get(descriptor + _SEGMENTED)
    if segmented:
        table = np.array(_Segments(_numbers(segmented, bits == 8, order).tolist(), bits).all())
    else:
        raw = dicom.values[descriptor + _TABLES]
        table = _numbers(raw, bits == 8 and len(raw) <= entries + 1, order)
    if len(table) < entries:
        raise ValueError("a palette shorter than it says")
    return table[:entries].astype(np.uint8 if bits == 8 else np.uint16)


def _numbers(raw: bytes, bytewise: bool, order: str) -> NDArray[Any]:
    """Words, or the two bytes within each word, the low one first whatever the order of words."""
    words = np.frombuffer(raw + bytes(len(raw) % 2), f"{order}u2")
    return np.stack((words & 0xFF, words >> 8), axis=1).reshape(-1) if bytewise else words


class _Segments:
    """A table in segments: 0 lists entries, 1 goes straight to an end, 2 repeats segments from an offset in bytes."""

    def __init__(self, numbers: list[int], bits: int) -> None:
        self._numbers, self._bits = numbers, bits
        self._out: list[int] = []

    def all(self) -> list[int]:
        at = 0
        while at + 1 < len(self._numbers):
            at = self._one(at, may_repeat=True)
        return self._out

    def _one(self, at: int, *, may_repeat: bool) -> int:
        """Adds one segment; where the next one begins."""
        kind, length, *_ = self._numbers[at : at + 2]
        body = at + 2
        if len(self._out) > _LARGEST:
            raise ValueError("a palette larger than any")
        if kind == 0:
            self._out += self._numbers[body : body + length]
            return body + length
        if kind == 1:
            self._line(self._numbers[body], length)
            return body + 1
        if kind == 2 and may_repeat:
            return self._repeat(body, length)
        raise ValueError("a palette segment of no known kind")

    def _line(self, end: int, length: int) -> None:
        start = self._out[-1]
        steps = np.arange(1, length + 1)
        self._out += np.rint(start + (end - start) * steps / length).astype(int).tolist()

    def _repeat(self, body: int, segments: int) -> int:
        fields = 32 // self._bits
        low_first = self._numbers[body : body + fields]
        source = sum(number << self._bits * place for place, number in enumerate(low_first)) * 8 // self._bits
        for _ in range(segments):
            source = self._one(source, may_repeat=False)
        return body + fields
