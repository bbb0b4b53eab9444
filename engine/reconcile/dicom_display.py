"""How a DICOM file wants its samples shown, read apart from the conversion: windows, rescale, tables, spacing.

Sources: DICOM PS3.3 C.11.1, C.11.2 and 10.7.1.3. What is malformed counts as not given.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.reconcile.dicom_reader import DicomPicture, Item
from engine.reconcile.picture import GreyTable, GreyWindow, Shown

_CHARSET, _SIGNED = 0x00080005, 0x00280103
_CENTER, _WIDTH, _WORDS, _FUNCTION = 0x00281050, 0x00281051, 0x00281055, 0x00281056
_INTERCEPT, _SLOPE = 0x00281052, 0x00281053
_SPACINGS = (0x00280030, 0x00181164)  # between samples; at the imager
_MODALITY, _VOI = 0x00283000, 0x00283010  # sequences of tables
_DESCRIPTOR, _EXPLANATION, _DATA = 0x00283002, 0x00283003, 0x00283006
_LONGEST = 1 << 16  # entries
_CODINGS = {
    **{"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk", "ISO_IR 13": "shift_jis", "ISO_IR 166": "iso8859_11"},
    **{"ISO_IR 101": "iso8859_2", "ISO_IR 109": "iso8859_3", "ISO_IR 110": "iso8859_4", "ISO_IR 144": "iso8859_5"},
    **{"ISO_IR 127": "iso8859_6", "ISO_IR 126": "iso8859_7", "ISO_IR 138": "iso8859_8", "ISO_IR 148": "iso8859_9"},
}


def shown_by(dicom: DicomPicture) -> Shown:
    """What the file says of showing its picture, whether or not that is grey."""
    slope, intercept = dicom.decimals(_SLOPE), dicom.decimals(_INTERCEPT)
    spacings = (tuple(dicom.decimals(tag)) for tag in _SPACINGS)
    return Shown(
        windows=tuple(_windows(dicom)),
        rescale=(slope[0], intercept[0]) if slope and intercept else None,
        modality=next(_tables(dicom, _MODALITY), None),
        tables=tuple(_tables(dicom, _VOI)),
        spacing=next(((rows, columns) for rows, columns in _pairs(spacings) if min(rows, columns) > 0), None),
    )


def _pairs(lists: Iterator[tuple[float, ...]]) -> Iterator[tuple[float, float]]:
    return ((numbers[0], numbers[1]) for numbers in lists if len(numbers) == 2)


def _windows(dicom: DicomPicture) -> Iterator[GreyWindow]:
    words = _words(dicom, dicom.values.get(_WORDS, b""))
    function = dicom.text(_FUNCTION) or "LINEAR"
    pairs = list(zip(dicom.decimals(_CENTER), dicom.decimals(_WIDTH), strict=False))
    for (center, width), word in zip(pairs, words + [""] * len(pairs), strict=False):
        yield GreyWindow(center, width, word, function)


def _words(dicom: DicomPicture, raw: bytes) -> list[str]:
    coding = _CODINGS.get(dicom.text(_CHARSET).split("\\")[0], "latin-1")
    return [part.strip(" \0") for part in raw.decode(coding, "replace").split("\\")] if raw else []


def _tables(dicom: DicomPicture, tag: int) -> Iterator[GreyTable]:
    for item in dicom.sequence(tag):
        try:
            yield _table(dicom, item)
        except (KeyError, ValueError, struct.error):
            continue


def _table(dicom: DicomPicture, item: Item) -> GreyTable:
    order = ">" if dicom.big_endian else "<"
    form, raw = item[_DESCRIPTOR]
    is_signed = form == b"SS" or (form not in (b"US", b"OW") and dicom.number(_SIGNED, 0) == 1)
    entries, first, bits = struct.unpack_from(f"{order}H{'h' if is_signed else 'H'}H", raw)
    count = entries or _LONGEST
    numbers = _numbers(*item[_DATA], count, bits, order)
    if len(numbers) < count or not 1 <= bits <= 16:
        raise ValueError("shorter than it says, or of another depth than words have")
    said = _words(dicom, item[_EXPLANATION][1]) if _EXPLANATION in item else []
    return GreyTable(first, bits, numbers[:count].astype("<u2").tobytes(), "\\".join(said))


def _numbers(form: bytes, raw: bytes, count: int, bits: int, order: str) -> Any:
    """Entries, one a word, or two in each word with the low byte first."""
    words = np.frombuffer(raw[: len(raw) // 2 * 2], f"{order}u2")
    if form == b"US" or bits > 8 or count < 2 or len(words) >= count:
        return words
    return np.stack((words & 0xFF, words >> 8), axis=1).reshape(-1)
