"""Image files as DEXIS 11 would hold them: DICOM in several transfer syntaxes, JPEG and PNG. Deterministic bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import imagecodecs
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from demo.people import Person

Pixels = NDArray[Any]
_WRITER_UID = "2.25.201704061215003748112"  # our own, fixed: pydicom would write its version


def _jpeg_lossless(pixels: Pixels, bits: int) -> bytes:
    return bytes(imagecodecs.jpeg_encode(pixels, lossless=True, predictor=1, bitspersample=bits))


def _jpeg_2000(pixels: Pixels, bits: int) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", reversible=True, bitspersample=bits))


def _jpeg_ls(pixels: Pixels, bits: int) -> bytes:
    del bits  # CharLS takes the depth from the container
    return bytes(imagecodecs.jpegls_encode(pixels))


_COMPRESSORS: Mapping[str, tuple[UID, Callable[[Pixels, int], bytes]]] = {
    "jpeg-lossless": (JPEGLosslessSV1, _jpeg_lossless),
    "jpeg-ls": (JPEGLSLossless, _jpeg_ls),
    "jpeg-2000": (JPEG2000Lossless, _jpeg_2000),
}
_PLAIN: Mapping[str, UID] = {"explicit": ExplicitVRLittleEndian, "implicit": ImplicitVRLittleEndian}


@dataclass(frozen=True, slots=True)
class Header:
    """What a DICOM file says beside its pixels. It names the patient, as real ones do."""

    person: Person
    study_uid: str
    series_uid: str
    uid: str
    modality: str
    number: int
    acquired_at: datetime | None
    device: tuple[str, str, str] | None
    window: tuple[int, int] | None = None


def dicom(header: Header, pixels: Pixels, bits: int, photometric: str, encoding: str, *, frames: int = 1) -> bytes:
    """A DICOM file. `pixels` is (rows, columns), (rows, columns, 3), or (frames, rows, columns) with `frames` > 1."""
    syntax = _PLAIN[encoding] if encoding in _PLAIN else _COMPRESSORS[encoding][0]
    dataset = _described(header)
    _describe_pixels(dataset, pixels, bits, photometric, frames)
    if encoding in _PLAIN:
        dataset.PixelData = pixels.tobytes()
    else:
        dataset.PixelData = encapsulate([_COMPRESSORS[encoding][1](pixels, bits)])
    dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize == 2 and encoding in _PLAIN else "OB"
    return _file(dataset, header.uid, syntax)


def jpeg(pixels: Pixels) -> bytes:
    """A baseline JPEG of a photograph; lossy, as cameras write it."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=90, subsampling=1)
    return target.getvalue()


def png(pixels: Pixels) -> bytes:
    """An 8-bit PNG, colour or grey."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    return target.getvalue()


def _described(header: Header) -> Dataset:
    dataset, person = Dataset(), header.person
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = header.uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = header.study_uid, header.series_uid
    dataset.Modality, dataset.InstanceNumber = header.modality, header.number
    dataset.PatientName = "^".join(part or "" for part in (person.family_name, person.given_name, person.middle_name))
    dataset.PatientID, dataset.PatientSex = person.chart_number or "", person.sex or ""
    dataset.PatientBirthDate = person.born.strftime("%Y%m%d") if person.born else ""
    if header.acquired_at:
        dataset.AcquisitionDateTime = header.acquired_at.strftime("%Y%m%d%H%M%S")
    if header.device:
        dataset.Manufacturer, dataset.ManufacturerModelName, dataset.DeviceSerialNumber = header.device
    if header.window:
        dataset.WindowCenter, dataset.WindowWidth = header.window
    return dataset


def _describe_pixels(dataset: Dataset, pixels: Pixels, bits: int, photometric: str, frames: int) -> None:
    shape = pixels.shape[1:] if frames > 1 else pixels.shape
    dataset.Rows, dataset.Columns = shape[:2]
    dataset.SamplesPerPixel = 3 if photometric == "RGB" else 1
    dataset.PhotometricInterpretation = photometric
    if photometric == "RGB":
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0


def _file(dataset: Dataset, uid: str, syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, uid
    meta.TransferSyntaxUID, meta.ImplementationClassUID = syntax, _WRITER_UID
    dataset.file_meta = meta
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()
