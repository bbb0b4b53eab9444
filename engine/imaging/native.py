"""The target's own image file, exactly as its profile describes it: header, payload, trailer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import construct
import numpy as np
from numpy.typing import NDArray

from engine.imaging.fields import filetime, structure
from engine.imaging.limits import require_dimensions, require_file_size
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels, Window, words
from engine.imaging.problem import ImageProblem
from engine.profiles.expressions import Expression
from engine.profiles.native_rules import FieldRule, NativeRules
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode

LOW_IS_WHITE, SIGNED, HAS_WINDOW = 1, 2, 4  # pixels.flags
_PAYLOAD_SIZE: Final = "payload.size"
_WORD = 2  # bytes of a sample in a raw16 payload


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file that the profile does not explain: where, how many, and why not."""

    offset: int
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class NativeFile:
    """A parsed native file: header values by field name (times as filetime ticks), pixels, unexplained bytes."""

    fields: Mapping[str, object]
    pixels: Pixels
    unexplained: tuple[Span, ...]


def pixel_names(pixels: Pixels) -> Mapping[str, int | float]:
    """The names `pixels.*` of the expression language."""
    center, width = pixels.window or (0.0, 0.0)
    low_is_white = LOW_IS_WHITE if pixels.photometric == MONOCHROME1 else 0
    flags = low_is_white | (SIGNED if pixels.signed else 0) | (HAS_WINDOW if pixels.window else 0)
    return {
        "pixels.width": pixels.width,
        "pixels.height": pixels.height,
        "pixels.bits_allocated": pixels.bits_allocated,
        "pixels.bits_stored": pixels.bits_stored,
        "pixels.samples": pixels.samples,
        "pixels.flags": flags,
        "pixels.window_center": center,
        "pixels.window_width": width,
    }


class NativeFormat:
    """Writes and reads native files. `expressions` are the fields whose value the caller must give to `encode`."""

    def __init__(self, rules: NativeRules) -> None:
        self._rules, self._word = rules, ">u2" if rules.byte_order == "big" else "<u2"
        self._header, self._trailer = (structure(part, rules.byte_order) for part in (rules.header, rules.trailer))
        self._constants = {field.name: field.value for field in _all(rules) if field.is_ is None}
        computed = {field.name: field.is_ for field in _all(rules) if field.is_ is not None}
        self._sizes = [name for name, expression in computed.items() if expression.text == _PAYLOAD_SIZE]
        self.expressions: Mapping[str, Expression] = {n: e for n, e in computed.items() if n not in self._sizes}
        if not {"pixels.width", "pixels.height"} <= {expression.text for expression in self.expressions.values()}:
            raise UsageProblem(
                "[native] has no field for pixels.width and pixels.height", next_step="add both to the target profile"
            )

    def encode(self, values: Mapping[str, object], pixels: Pixels) -> bytes:
        """The whole file. `values` by field name, for each of `expressions`; a time is a datetime, None or ticks.

        Raises ValueError naming the field whose value it cannot hold.
        """
        payload = words(pixels).astype(self._word, copy=False).reshape(-1).view(np.uint8).data
        given = {name: _plain(values[name]) for name in self.expressions}
        named = self._constants | given | dict.fromkeys(self._sizes, payload.nbytes)
        return b"".join((_build(self._header, named), payload, _build(self._trailer, named)))

    def parse(self, data: bytes) -> NativeFile:
        """Every field and the pixels of a file; what disagrees with the profile is listed as unexplained.

        Raises ImageProblem, naming the offset, where sizes do not add up or no picture can be made of the bytes.
        """
        require_file_size(len(data))
        fields = self._read(self._header, data, 0)
        pixels = self._pixels(data, fields)
        end = self._rules.header_size + pixels.array.size * _WORD
        fields |= self._read(self._trailer, data, end)
        return NativeFile(fields, pixels, tuple(self._unexplained(len(data), fields, pixels)))

    def differing(self, one: bytes, other: bytes) -> tuple[str, ...]:
        """The fields in which two files of the same picture differ."""
        payload = len(one) - self._rules.header_size - self._rules.trailer_size
        placed = ((field, slice(offset, offset + field.size)) for field, offset in self._placed(payload))
        return tuple(field.name for field, place in placed if one[place] != other[place])

    def _read(self, part: Any, data: bytes, offset: int) -> dict[str, object]:
        size = part.sizeof()
        _require(data, offset, size)
        try:
            parsed = part.parse(data[offset : offset + size])
        except (construct.ConstructError, UnicodeDecodeError) as problem:
            detail = f"offset {offset}: {_field(problem)} is malformed"
            raise ImageProblem(FindingCode.UNREADABLE_FILE, detail) from problem
        return {name: value for name, value in parsed.items() if not name.startswith("_")}

    def _pixels(self, data: bytes, fields: Mapping[str, object]) -> Pixels:
        said = {expression.text: fields[name] for name, expression in self.expressions.items() if name in fields}
        shape = _Shape.of(said)
        start, size = self._rules.header_size, shape.samples * shape.width * shape.height * _WORD
        _require(data, start, size)
        samples = np.frombuffer(data, self._word, size // _WORD, start)
        return shape.pixels(samples.astype("<u2", copy=False), start)

    def _unexplained(self, length: int, fields: Mapping[str, object], pixels: Pixels) -> Iterator[Span]:
        payload = pixels.array.size * _WORD
        names = pixel_names(pixels)
        expected: dict[str, object] = {**self._constants, **dict.fromkeys(self._sizes, payload)}
        expected |= {name: names[e.text] for name, e in self.expressions.items() if e.text in names}
        for field, offset in self._placed(payload):
            if field.name in expected and fields[field.name] != expected[field.name]:
                yield Span(offset, field.size, f"{field.name} is not what the profile says")
        end = self._rules.header_size + payload + self._rules.trailer_size
        if length > end:
            yield Span(end, length - end, "bytes after the end")

    def _placed(self, payload: int) -> Iterator[tuple[FieldRule, int]]:
        offset = 0
        for field in self._rules.header:
            yield field, offset
            offset += field.size
        offset += payload
        for field in self._rules.trailer:
            yield field, offset
            offset += field.size


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a header says of its pixels."""

    width: int
    height: int
    bits_allocated: int
    bits_stored: int
    samples: int
    flags: int
    window: tuple[float, float]

    @staticmethod
    def of(said: Mapping[str, Any]) -> _Shape:
        bits = said.get("pixels.bits_allocated", 16)
        window = (said.get("pixels.window_center", 0.0), said.get("pixels.window_width", 0.0))
        stored, samples = said.get("pixels.bits_stored", bits), said.get("pixels.samples", 1)
        flags = said.get("pixels.flags", 0)
        shape = _Shape(said["pixels.width"], said["pixels.height"], bits, stored, samples, flags, window)
        require_dimensions(shape.width, shape.height)
        if bits not in (8, 16) or not 1 <= stored <= bits or samples not in (1, 3):
            raise ImageProblem(FindingCode.UNREADABLE_FILE, f"header: {samples} samples of {stored} in {bits} bits")
        return shape

    def pixels(self, samples: NDArray[np.uint16], start: int) -> Pixels:
        signed = bool(self.flags & SIGNED)
        array = self._narrowed(samples.view("<i2") if signed else samples, signed, start)
        grey = MONOCHROME1 if self.flags & LOW_IS_WHITE else MONOCHROME2
        return Pixels(
            array.reshape((self.height, self.width, 3) if self.samples == 3 else (self.height, self.width)),
            self.bits_stored,
            RGB if self.samples == 3 else grey,
            signed,
            (Window(*self.window),) if self.flags & HAS_WINDOW else (),
            encoding="native",
        )

    def _narrowed(self, samples: NDArray[Any], signed: bool, start: int) -> NDArray[Any]:
        """At the width the source had. Raises ImageProblem if a sample needs more bits than the header says."""
        low, high = (-(1 << self.bits_stored - 1), 1 << self.bits_stored - 1) if signed else (0, 1 << self.bits_stored)
        if self.bits_stored < 16 and (samples.max() >= high or (signed and samples.min() < low)):
            raise ImageProblem(FindingCode.UNREADABLE_FILE, f"offset {start}: samples beyond {self.bits_stored} bits")
        return samples.astype(np.int8 if signed else np.uint8) if self.bits_allocated == 8 else samples


def _require(data: bytes, offset: int, size: int) -> None:
    """Raises ImageProblem TRUNCATED unless `size` bytes stand at `offset`."""
    if len(data) < offset + size:
        detail = f"offset {offset}: {size} bytes expected, {max(len(data) - offset, 0)} left"
        raise ImageProblem(FindingCode.TRUNCATED, detail)


def _all(rules: NativeRules) -> tuple[FieldRule, ...]:
    return (*rules.header, *rules.trailer)


def _plain(value: object) -> object:
    if value is None or isinstance(value, datetime):
        return filetime(value)
    return value


def _build(part: Any, values: Mapping[str, object]) -> bytes:
    try:
        return bytes(part.build(values))
    except (construct.ConstructError, UnicodeEncodeError, TypeError) as problem:
        raise ValueError(f"{_field(problem)} does not fit the native format") from problem


def _field(problem: Exception) -> str:
    """The field a construct error speaks of, without its value."""
    path = getattr(problem, "path", None) or "(building) -> a field"
    return str(path).rpartition("-> ")[2]
