"""The picture in a DICOM file, uncompressed or compressed, as its samples stand in the file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.codestream import StreamEnds
from engine.reconcile.colour import pairs_apart, rgb_of_ybr, side_by_side
from engine.reconcile.compressed import COMPRESSED, unpacked
from engine.reconcile.dicom_display import shown_by
from engine.reconcile.dicom_form import DicomForm, form_of
from engine.reconcile.dicom_reader import UNCOMPRESSED, DicomPicture, DicomTruncated, DicomUnreadable, read_dicom
from engine.reconcile.palette import palette_shown
from engine.reconcile.picture import Picture, SourceWanting
from protocol.vocabulary import FindingCode

_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0c")  # of JPEG, JPEG 2000, JP2
_YBR = frozenset({"YBR_FULL", "YBR_FULL_422"})
# Storage classes whose frames are slices of one volume: enhanced CT, MR, ultrasound, X-ray 3D and PET, and RT dose.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_VOLUMES = frozenset(
    _STORAGE + number
    for number in (*("2.1", "2.2", "4.1", "4.3", "4.4", "6.2", "13.1.1", "13.1.2", "13.1.3", "128.1", "130", "481.2"),)
)


def picture_in(data: bytes) -> Picture:
    """The one picture in a DICOM file. Raises SourceWanting."""
    try:
        return _picture(read_dicom(data))
    except (DicomTruncated, StreamEnds) as problem:
        raise SourceWanting(FindingCode.TRUNCATED, str(problem)) from problem
    except DicomUnreadable as problem:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, str(problem)) from problem


def _picture(dicom: DicomPicture) -> Picture:
    if dicom.frames > 1:
        several = FindingCode.VOLUME if dicom.sop_class in _VOLUMES else FindingCode.MULTIFRAME
        raise SourceWanting(several, "several frames in one file")
    form = form_of(dicom)
    stored, is_rgb = _stored(dicom, form)
    samples, bits = _significant(stored, form), form.stored
    if form.photometric == "PALETTE COLOR":
        samples = palette_shown(dicom, samples)
        bits = samples.dtype.itemsize * 8
    elif form.photometric in _YBR and not is_rgb:
        samples, bits = _coloured(samples), 8
    return Picture(
        samples,
        samples.dtype.itemsize * 8,
        bits,
        "dicom",
        low_is_white=form.photometric == "MONOCHROME1",
        signed=samples.dtype.kind == "i",
        shown=shown_by(dicom),
    )


def _coloured(samples: NDArray[Any]) -> NDArray[Any]:
    if samples.dtype != np.uint8:
        raise SourceWanting(FindingCode.NO_DECODER, "YCbCr of another depth than 8 bits")
    return rgb_of_ybr(samples)


def _significant(samples: NDArray[Any], form: DicomForm) -> NDArray[Any]:
    """The stored bits up to the high bit of each sample, as a number: what else a word holds is not part of it."""
    size = samples.dtype.itemsize
    above, below = size * 8 - 1 - form.high_bit, size * 8 - form.stored
    if not below and not form.signed:
        return samples
    kind = "i" if form.signed else "u"
    number = (samples.view(f"u{size}") << above).view(f"{kind}{size}") >> below
    return number.astype(f"{kind}2") if size > 2 else number


def _stored(dicom: DicomPicture, form: DicomForm) -> tuple[NDArray[Any], bool]:
    """Samples as the file holds them, and whether they are RGB whatever the file says."""
    if dicom.syntax not in UNCOMPRESSED | COMPRESSED:
        raise SourceWanting(FindingCode.NO_DECODER, "pixel data of an unknown encoding")
    if dicom.is_encapsulated != (dicom.syntax in COMPRESSED):
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "pixel data of another form than its encoding has")
    if dicom.syntax in COMPRESSED:
        return unpacked(dicom.syntax, _frame(dicom), form)
    flat = _flat(dicom, form)
    if form.photometric == "YBR_FULL_422":
        return pairs_apart(flat, form.shape), False
    if form.samples == 1:
        return flat.reshape(form.shape), False
    return side_by_side(flat, form.shape, planar=form.planar), False


def _frame(dicom: DicomPicture) -> bytes:
    items, frame, pieces, first_frames = dicom.items(), bytearray(), 0, 0
    table = next(items, memoryview(b""))
    for piece in items:  # not kept one by one: there may be millions with nothing in them
        frame += piece
        pieces += 1
        first_frames += bytes(piece[:4]).startswith(_BEGINNINGS)
    if not pieces:
        raise SourceWanting(FindingCode.TRUNCATED, "no piece of a compressed picture")
    if len(table) >= 8 or first_frames > 1 or dicom.offsets > 1:  # an offset for each frame
        raise SourceWanting(FindingCode.MULTIFRAME, "several frames in one file")
    return bytes(frame)


def _flat(dicom: DicomPicture, form: DicomForm) -> NDArray[Any]:
    """All samples in a row, as unsigned words or bytes."""
    raw = np.frombuffer(dicom.pixel_data, np.uint8)
    if dicom.big_endian and dicom.in_words and form.allocated <= 8:
        raw = raw[: len(raw) // 2 * 2].view(">u2").astype("<u2").view(np.uint8)
    _require_one_frame(raw, form.size)
    raw = raw[: form.size]
    if form.allocated == 1:
        return np.unpackbits(raw, bitorder="little", count=form.shape[0] * form.shape[1] * form.samples)
    size = form.allocated // 8
    return raw.view(f"{'>' if dicom.big_endian else '<'}u{size}").astype(f"=u{size}", copy=False)


def _require_one_frame(raw: NDArray[np.uint8], size: int) -> None:
    if len(raw) < size:
        raise SourceWanting(FindingCode.TRUNCATED, "fewer samples than rows and columns promise")
    if len(raw) - size > size % 2 and len(raw) >= 2 * size:
        raise SourceWanting(FindingCode.MULTIFRAME, "samples of several frames")
    if raw[size:].any():
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "more samples than rows and columns promise")
