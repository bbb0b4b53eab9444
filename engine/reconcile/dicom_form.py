"""What a DICOM file says of the form of its picture, and which forms a picture can have."""

from __future__ import annotations

from dataclasses import dataclass

from engine.reconcile.dicom_reader import DicomPicture
from engine.reconcile.picture import SourceWanting
from protocol.vocabulary import FindingCode

_SAMPLES, _PHOTOMETRIC, _PLANAR = 0x00280002, 0x00280004, 0x00280006
_ROWS, _COLUMNS, _ALLOCATED, _STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
_HIGH_BIT, _SIGNED = 0x00280102, 0x00280103
_DEEPEST = 16  # bits of a sample that a target holds
_BY_JPEG_2000 = ("YBR_RCT", "YBR_ICT")
_JPEG_2000 = ("1.2.840.10008.1.2.4.9", "1.2.840.10008.1.2.4.20")  # what its transfer syntaxes begin with
_SAMPLES_OF = {
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
    **dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"), 3),
}


@dataclass(frozen=True, slots=True)
class DicomForm:
    """`shape` is (rows, columns); each pixel has `samples` samples of `stored` bits ending at `high_bit`."""

    shape: tuple[int, int]
    samples: int
    photometric: str
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar: bool

    @property
    def size(self) -> int:
        """Bytes of an uncompressed picture."""
        pixels = self.shape[0] * self.shape[1]
        if self.photometric == "YBR_FULL_422":
            return pixels * 2 * self.allocated // 8
        return (pixels * self.samples * self.allocated + 7) // 8


def form_of(dicom: DicomPicture) -> DicomForm:
    """Raises SourceWanting for a form that no picture here has."""
    allocated = dicom.number(_ALLOCATED, 0)
    stored = dicom.number(_STORED, allocated) or allocated
    form = DicomForm(
        (dicom.number(_ROWS, 0), dicom.number(_COLUMNS, 0)),
        dicom.number(_SAMPLES, 1) or 1,
        dicom.text(_PHOTOMETRIC),
        allocated,
        stored,
        dicom.number(_HIGH_BIT, stored - 1),
        dicom.number(_SIGNED, 0) == 1,
        dicom.number(_PLANAR, 0) == 1,
    )
    if not all(form.shape):
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "a picture without rows or columns")
    is_too_deep = allocated == 32 and stored > _DEEPEST
    if allocated not in (1, 8, 16, 32) or is_too_deep or form.photometric not in _SAMPLES_OF:
        raise SourceWanting(FindingCode.NO_DECODER, f"{allocated} bits a sample, or colours of an unknown kind")
    if form.photometric in _BY_JPEG_2000 and not dicom.syntax.startswith(_JPEG_2000):
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "colours as only JPEG 2000 has them")
    fits = stored <= form.high_bit + 1 <= allocated
    if form.samples != _SAMPLES_OF[form.photometric] or not fits:
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "the description of the picture contradicts itself")
    return form
