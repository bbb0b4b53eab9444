"""The pixels within a native file: packed and unpacked by the codec its profile names. A closed list, never lossy.

A compressed payload counts only once it was unpacked again and gave the same samples. Samples are handed over as
unsigned words of the width the picture has, signed ones as their two's complement.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from engine.imaging.decoders import dicom, rle
from engine.imaging.decoders.availability import AVAILABLE, Availability, codec
from engine.imaging.decoders.codestream import read_jpeg, read_jpeg2000
from engine.imaging.decoders.dicom_file import read_dicom
from engine.imaging.decoders.encapsulated import frame_of
from engine.imaging.decoders.layout import Layout
from engine.imaging.pixels import Pixels, words
from engine.imaging.problem import ImageProblem, foreign
from engine.imaging.run_length import rolled
from engine.profiles.native_rules import RAW, PayloadRule
from protocol.vocabulary import FindingCode

Samples = NDArray[Any]
Packed = bytes | memoryview
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"  # of JPEG 2000 too
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_SYNTAXES: Final = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})


@dataclass(frozen=True, slots=True)
class Form:
    """The picture a payload holds, as its file's header tells; `allocated` is 0 where the header does not."""

    width: int
    height: int
    samples: int
    allocated: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.height, self.width) if self.samples == 1 else (self.height, self.width, self.samples)

    @property
    def count(self) -> int:
        """Samples in all."""
        return self.height * self.width * self.samples


class Payload:
    """Packs and unpacks by one profile's rule."""

    def __init__(self, rule: PayloadRule, byte_order: str) -> None:
        self._rule, self._codec = rule, _CODECS[rule.codec]
        self._order = ">" if (rule.byte_order or byte_order) == "big" else "<"

    @property
    def is_raw(self) -> bool:
        """Whether its size follows from the picture's form."""
        return self._rule.codec in RAW

    def is_available(self) -> Availability:
        return self._codec.is_available()

    def pack(self, pixels: Pixels, source: bytes | None = None) -> Packed:
        """The payload of a picture decoded from the file `source`; raw words are a view where their order allows.

        Raises ImageProblem NO_DECODER where the codec cannot hold this picture exactly.
        """
        self.is_available().require()
        try:
            packed = self._codec.pack(_Task(self._rule, self._order, pixels, source))
        except ImageProblem:
            raise
        except Exception as problem:
            raise self._refused("its codec refuses it") from problem
        if not self.is_raw:
            self._prove(packed, pixels)
        return packed

    def unpack(self, data: memoryview, form: Form) -> Samples:
        """Unsigned samples of `form.shape`, 8 or 16 bits, as the payload holds them. Raises ImageProblem."""
        self.is_available().require()
        if data[len(data) - len(self._codec.end) :] != self._codec.end:
            raise ImageProblem(FindingCode.UNREADABLE_FILE, f"the payload does not end as {self._rule.codec} does")
        with foreign("the payload"):
            samples = self._codec.unpack(data, form, self._order)
        if samples.shape != form.shape or samples.dtype.kind != "u":
            raise ImageProblem(FindingCode.UNREADABLE_FILE, "the payload holds another picture than the header says")
        return samples

    def size(self, form: Form) -> int:
        """Bytes of a raw payload."""
        return form.count * {"raw16": 2, "raw8": 1, "raw": (form.allocated or 16) // 8}[self._rule.codec]

    def _prove(self, packed: Packed, pixels: Pixels) -> None:
        form = Form(pixels.width, pixels.height, pixels.samples, pixels.bits_allocated)
        if not np.array_equal(narrowed(self.unpack(memoryview(packed), form), pixels), pixels.array):
            raise self._refused("other samples come back")

    def _refused(self, why: str) -> ImageProblem:
        detail = f"payload {self._rule.codec} cannot hold this picture exactly: {why}"
        return ImageProblem(FindingCode.NO_DECODER, detail)


def narrowed(samples: Samples, pixels: Pixels) -> Samples:
    """Unsigned samples at the width and sign of `pixels`."""
    signed = samples.view(f"<i{samples.dtype.itemsize}") if pixels.signed else samples
    return signed.astype(pixels.array.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class _Task:
    """One picture to pack."""

    rule: PayloadRule
    order: str
    pixels: Pixels
    source: bytes | None

    @property
    def plain(self) -> Samples:
        """Samples as unsigned words of their own width."""
        return self.pixels.array.view(f"<u{self.pixels.array.dtype.itemsize}")

    @property
    def precision(self) -> int:
        """Bits a codec keeps: a byte's eight; of a word those stored, or all where the sign is one of them.

        Fewer than eight would be lossless too, but not every reader of lossless JPEG takes them.
        """
        if self.pixels.bits_allocated == 8 or self.pixels.signed:
            return self.pixels.bits_allocated
        return max(self.pixels.bits_stored, 9)


@dataclass(frozen=True, slots=True)
class _Codec:
    """`end` is what every payload of ours ends with; more bytes behind it would be nobody's."""

    pack: Callable[[_Task], Packed]
    unpack: Callable[[memoryview, Form, str], Samples]
    is_available: Callable[[], Availability] = lambda: AVAILABLE
    end: bytes = b""


def _words(task: _Task) -> memoryview:
    return words(task.pixels).astype(f"{task.order}u2", copy=False).reshape(-1).view(np.uint8).data


def _bytes(task: _Task) -> memoryview:
    if task.pixels.bits_allocated != 8:
        raise ImageProblem(FindingCode.NO_DECODER, "payload raw8 cannot hold 16-bit samples")
    return task.plain.reshape(-1).data


def _natural(task: _Task) -> memoryview:
    return _bytes(task) if task.pixels.bits_allocated == 8 else _words(task)


def _from_words(data: memoryview, form: Form, order: str) -> Samples:
    return np.frombuffer(data, f"{order}u2", form.count).reshape(form.shape).astype("<u2", copy=False)


def _from_bytes(data: memoryview, form: Form, order: str) -> Samples:
    return np.frombuffer(data, np.uint8, form.count).reshape(form.shape)


def _from_natural(data: memoryview, form: Form, order: str) -> Samples:
    return (_from_bytes if form.allocated == 8 else _from_words)(data, form, order)


def _deflate(task: _Task) -> bytes:
    return bytes(imagecodecs.zlib_encode(bytes(_words(task)), level=task.rule.level))


def _inflate(data: memoryview, form: Form, order: str) -> Samples:
    stream = zlib.decompressobj()
    plain = stream.decompress(data, form.count * 2 + 1)
    if len(plain) < form.count * 2:
        raise ImageProblem(FindingCode.TRUNCATED, "the deflated payload ends too early")
    if len(plain) > form.count * 2 or not stream.eof or stream.unused_data:
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "the deflated payload is longer than the picture")
    return _from_words(memoryview(plain), form, order)


def _png(task: _Task) -> bytes:
    return bytes(imagecodecs.png_encode(task.plain, level=task.rule.level))


def _from_png(data: memoryview, form: Form, order: str) -> Samples:
    size = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    _require_size(form, *size)
    return np.asarray(imagecodecs.png_decode(bytes(data)))


def _carried_jpeg(task: _Task) -> bytes:
    """The JPEG that the source is, or that it encapsulates. What is lossy is never coded again."""
    source = task.source or b""
    if source.startswith(_JPEG):
        return source
    if dicom.matches(source):
        file = read_dicom(source)
        if file.transfer_syntax in _JPEG_SYNTAXES:
            frame = frame_of(file.pixel_data)
            return frame[: frame.rfind(_JPEG_END) + len(_JPEG_END)]  # without the byte that makes it even
    raise ImageProblem(FindingCode.NO_DECODER, "payload jpeg carries sources that are JPEG; this one is none")


def _from_jpeg(data: memoryview, form: Form, order: str) -> Samples:
    header = read_jpeg(bytes(data))
    _require_size(form, header.width, header.height)
    return np.asarray(imagecodecs.jpeg8_decode(bytes(data)))


def _jpeg_lossless(task: _Task) -> bytes:
    precision = task.precision
    return bytes(imagecodecs.jpeg8_encode(task.plain, lossless=True, predictor=1, bitspersample=precision))


def _jpeg_ls(task: _Task) -> bytes:
    return bytes(imagecodecs.jpegls_encode(task.plain, level=0))


def _from_jpeg_ls(data: memoryview, form: Form, order: str) -> Samples:
    header = read_jpeg(bytes(data))
    _require_size(form, header.width, header.height)
    return np.asarray(imagecodecs.jpegls_decode(bytes(data)))


def _jpeg_2000(task: _Task) -> bytes:
    precision = task.precision
    return bytes(imagecodecs.jpeg2k_encode(task.plain, 0, reversible=True, codecformat="j2k", bitspersample=precision))


def _from_jpeg_2000(data: memoryview, form: Form, order: str) -> Samples:
    header = read_jpeg2000(bytes(data))
    _require_size(form, header.width, header.height)
    return np.asarray(imagecodecs.jpeg2k_decode(bytes(data)))


def _run_length(task: _Task) -> bytes:
    return rolled(task.plain)


def _unrolled(data: memoryview, form: Form, order: str) -> Samples:
    bits = form.allocated or 16
    layout = Layout(
        transfer_syntax="",
        rows=form.height,
        columns=form.width,
        samples=form.samples,
        photometric="",
        bits_allocated=bits,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=False,
        planar=False,
        big_endian=False,
        vr="OB",
    )
    return rle.decode(bytes(data), layout).array


def _require_size(form: Form, width: int, height: int) -> None:
    if (width, height) != (form.width, form.height):
        raise ImageProblem(FindingCode.UNREADABLE_FILE, "the payload holds another picture than the header says")


_CODECS: Final[Mapping[str, _Codec]] = {
    "raw16": _Codec(_words, _from_words),
    "raw8": _Codec(_bytes, _from_bytes),
    "raw": _Codec(_natural, _from_natural),
    "deflate": _Codec(_deflate, _inflate, lambda: codec("ZLIB")),
    "png": _Codec(_png, _from_png, lambda: codec("PNG"), _PNG_END),
    "jpeg": _Codec(_carried_jpeg, _from_jpeg, lambda: codec("JPEG8")),
    "jpeg-ls": _Codec(_jpeg_ls, _from_jpeg_ls, lambda: codec("JPEGLS"), _JPEG_END),
    "jpeg-lossless": _Codec(_jpeg_lossless, _from_jpeg, lambda: codec("JPEG8"), _JPEG_END),
    "jpeg-2000": _Codec(_jpeg_2000, _from_jpeg_2000, lambda: codec("JPEG2K"), _JPEG_END),
    "rle": _Codec(_run_length, _unrolled, rle.is_available),
}
