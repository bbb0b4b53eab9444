"""The target's own image file, exactly as its profile describes it: header, payload, trailer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.imaging.fields import FieldProblem
from engine.imaging.integrity import Bytes, digest, integrity
from engine.imaging.limits import require_dimensions, require_file_size
from engine.imaging.native_layout import Fields, NativeLayout, Outline, Parts, Placed
from engine.imaging.payload import Form, Payload
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Pixels
from engine.imaging.problem import ImageProblem
from engine.imaging.told import HAS_WINDOW, LOW_IS_WHITE, SIGNED, Told, pixel_names, told_by
from engine.profiles.expressions import Expression, Literal, Name
from engine.profiles.native_rules import COVERED_PARTS, IntegrityRule, NativeRules, is_integrity
from protocol.errors import UsageProblem
from protocol.vocabulary import FindingCode

__all__ = ["HAS_WINDOW", "LOW_IS_WHITE", "SIGNED", "NativeFile", "NativeFormat", "Parts", "Span", "pixel_names"]

_TRUTHS_NEEDED: Final = ("pixels.low_is_white", "pixels.signed")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file that the profile does not explain: where, how many, and why not."""

    offset: int
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class NativeFile:
    """A parsed native file: values by field name (times as numbers), pixels, unexplained bytes, and its parts."""

    fields: Fields
    pixels: Pixels
    unexplained: tuple[Span, ...]
    parts: Parts


class NativeFormat:
    """Writes and reads native files. `expressions` are the fields whose value the caller must give to `encode`."""

    def __init__(self, rules: NativeRules) -> None:
        self._layout, self._payload = NativeLayout(rules), Payload(rules.payload, rules.byte_order)
        self._constants = {field.name: field.value for field in rules.fields if field.value is not None}
        self._bits = {field.name: field.bits for field in rules.fields if field.bits}
        computed = {field.name: field.is_ for field in rules.fields if field.is_ is not None}
        self.expressions: Mapping[str, Expression] = {
            name: expression for name, expression in computed.items() if name not in self._layout.sizes
        }
        self._placed = frozenset(name for field in rules.fields for name in field.names)
        self.reencode = rules.payload.reencode
        if not {"pixels.width", "pixels.height"} <= self._placed:
            raise UsageProblem(
                "[native] has no field for pixels.width and pixels.height", next_step="add both to the target profile"
            )

    def names(self, pixels: Pixels) -> Mapping[str, object]:
        """The names `pixels.*` as this format tells them: a flag announces only what has a place in the file."""
        return pixel_names(pixels, self._placed)

    def pack(self, pixels: Pixels, source: bytes | None = None) -> Bytes:
        """The payload of a picture, proven to hold it. `source` is the file it was decoded from, for codec jpeg.

        Raises ImageProblem NO_DECODER where this format cannot hold it exactly.
        """
        for needed, is_needed in zip(_TRUTHS_NEEDED, (pixels.photometric == MONOCHROME1, pixels.signed), strict=True):
            if is_needed and not {needed, "pixels.flags"} & self._placed:
                raise ImageProblem(FindingCode.NO_DECODER, f"the native file has no place for {needed}")
        return self._payload.pack(pixels, source)

    def parts(self, values: Fields, pixels: Pixels, payload: Bytes) -> Parts:
        """The file in its pieces, the payload as it was handed over. `values` as for `encode`. Raises ValueError."""
        names = self.names(pixels)
        given = {name: values[name] for name in self.expressions if name in values}
        return self._layout.write(self._constants | self._bit_values(names) | given, payload)

    def encode(self, values: Fields, pixels: Pixels, source: bytes | None = None) -> bytes:
        """The whole file. `values` by field name, for each of `expressions` it has; a time may be a datetime.

        Raises ValueError naming the field whose value it cannot hold, ImageProblem where the payload cannot.
        """
        return self.parts(values, pixels, self.pack(pixels, source)).joined()

    def sealed(
        self, rule: IntegrityRule, values: Callable[[bytes], Fields], pixels: Pixels, payload: Bytes
    ) -> tuple[Parts, bytes]:
        """The file with its integrity hash in it, and the hash. `values` are as for `encode`, given the hash."""
        if rule.covers == "pixels":
            seal = integrity(rule, pixels=pixels)
        else:
            seal = self.seal_of(rule, self.parts(values(bytes(rule.size)), pixels, payload), pixels)
        return self.parts(values(seal), pixels, payload), seal

    def seal_of(self, rule: IntegrityRule, parts: Parts, pixels: Pixels) -> bytes:
        """The integrity hash of a file as it is, whatever it holds in the hash's own place."""
        if rule.covers == "pixels":
            return integrity(rule, pixels=pixels)
        return digest(rule.algorithm, _covered(rule, parts))

    def lost(self, pixels: Pixels, values: Callable[[], Fields]) -> tuple[str, ...]:
        """How the picture is to be shown, as far as this format has no place for it, in words.

        `values` are as for `encode`; they are asked for only where the picture says more than its samples.
        """
        told = Told.of(pixels)
        if told == told.bare:
            return ()
        try:
            kept = told_by(self._said(self._returned(values(), self.names(pixels))))
        except ValueError:
            kept = told.bare
        return told.missing_from(kept)

    def _returned(self, values: Fields, names: Fields) -> Fields:
        """Values as a reader gets them back; what is not written, and what a field cannot hold, is missing."""
        given: Fields = {**self._constants, **values, **self._bit_values(names)}
        back: dict[str, object] = {}
        for form in self._layout.written(given):
            name = form.rule.name
            with suppress(FieldProblem):
                back[name] = form.unpack(form.pack(given[name]))
        return back

    def parse(self, data: bytes) -> NativeFile:
        """Every field and the pixels of a file; what disagrees with the profile is listed as unexplained.

        Raises ImageProblem, naming the offset, where sizes do not add up or no picture can be made of the bytes.
        """
        require_file_size(len(data))
        outline = self._layout.read(data, self._payload_size)
        said = self._said(outline.fields)
        payload = memoryview(data)[outline.start : outline.end]
        pixels = _Shape.of(said).pixels(self._payload, payload, said, outline.start)
        parts = Parts(data[: outline.start], payload, data[outline.end : outline.whole], outline.places)
        return NativeFile(outline.fields, pixels, tuple(self._unexplained(data, outline, pixels)), parts)

    def moment_of(self, name: str, value: object) -> Any:
        """The time that a value of a time field stands for, or None."""
        return self._layout.forms[name].moment(value)

    def _payload_size(self, fields: Fields) -> int | None:
        if self._payload.is_raw:
            return self._payload.size(_Shape.of(self._said(fields)).form)
        told = next((fields[name] for name, size in self._layout.sizes.items() if size == "payload.size"), None)
        return None if told is None else int(str(told))

    def _bit_values(self, names: Fields) -> dict[str, object]:
        return {
            name: sum(int(bool(bit.evaluate(names, {}))) << number for number, bit in enumerate(bits))
            for name, bits in self._bits.items()
        }

    def _said(self, fields: Fields) -> dict[str, Any]:
        """What fields tell by plain names."""
        said: dict[str, Any] = {}
        for name, expression in self.expressions.items():
            if name in fields and isinstance(expression.root, Name):
                said[expression.root.name] = fields[name]
        for name, bits in self._bits.items():
            for number, bit in enumerate(bits):
                if name in fields and isinstance(bit.root, Name):
                    said[bit.root.name] = int(str(fields[name])) >> number & 1
        return said

    def _unexplained(self, data: bytes, outline: Outline, pixels: Pixels) -> Iterator[Span]:
        names = self.names(pixels)
        expected = {**self._constants, **self._layout.expected(outline), **self._bit_values(names)}
        expected |= {
            name: names[rule.root.name]
            for name, rule in self.expressions.items()
            if isinstance(rule.root, Name) and rule.root.name in names
        }
        expected |= {name: rule.root.value for name, rule in self.expressions.items() if isinstance(rule.root, Literal)}
        for place in outline.places:
            name = place.rule.name
            if name in expected and not self._holds(place, data, expected[name]):
                yield Span(place.offset, place.size, f"{name} is not what the profile says")
        if len(data) > outline.whole:
            yield Span(outline.whole, len(data) - outline.whole, "bytes after the end")

    def _holds(self, place: Placed, data: bytes, value: object) -> bool:
        """Whether a field's bytes are those that would be written for `value`."""
        try:
            written = self._layout.forms[place.rule.name].pack(value)
        except FieldProblem:
            return False
        return written == data[place.offset : place.offset + place.size]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a header says of its pixels' form."""

    form: Form
    bits_stored: int

    @staticmethod
    def of(said: Mapping[str, Any]) -> _Shape:
        bits = said.get("pixels.bits_allocated", 0)
        stored, samples = said.get("pixels.bits_stored", bits), said.get("pixels.samples", 1)
        require_dimensions(said["pixels.width"], said["pixels.height"])
        if bits not in (0, 8, 16) or not 1 <= stored <= (bits or 16) or samples not in (1, 3):
            raise ImageProblem(FindingCode.UNREADABLE_FILE, f"header: {samples} samples of {stored} in {bits} bits")
        return _Shape(Form(said["pixels.width"], said["pixels.height"], samples, bits), stored)

    def pixels(self, payload: Payload, data: memoryview, said: Mapping[str, Any], start: int) -> Pixels:
        """Raises ImageProblem."""
        try:
            told = told_by(said)
        except ValueError as problem:
            detail = "header: how the picture is to be shown makes no sense"
            raise ImageProblem(FindingCode.UNREADABLE_FILE, detail) from problem
        samples = payload.unpack(data, self.form)
        if told.signed:
            samples = samples.view(f"<i{samples.dtype.itemsize}")
        return Pixels(
            np.ascontiguousarray(self._narrowed(samples, told.signed, start)),
            self.bits_stored,
            RGB if self.form.samples == 3 else MONOCHROME1 if told.low_is_white else MONOCHROME2,
            told.signed,
            told.windows,
            told.rescale,
            encoding="native",
            modality_lut=told.modality_lut,
            voi_luts=told.voi_luts,
            spacing=told.spacing,
        )

    def _narrowed(self, samples: NDArray[Any], signed: bool, start: int) -> NDArray[Any]:
        """At the width the source had. Raises ImageProblem if a sample needs more bits than the header says."""
        low, high = (-(1 << self.bits_stored - 1), 1 << self.bits_stored - 1) if signed else (0, 1 << self.bits_stored)
        whole = samples.dtype.itemsize * 8
        if self.bits_stored < whole and (samples.max() >= high or (signed and samples.min() < low)):
            raise ImageProblem(FindingCode.UNREADABLE_FILE, f"offset {start}: samples beyond {self.bits_stored} bits")
        width = (self.form.allocated or whole) // 8
        return samples.astype(f"<{'i' if signed else 'u'}{width}", copy=False)


def _covered(rule: IntegrityRule, parts: Parts) -> Iterable[Bytes]:
    """The bytes of a file that its hash covers, piece by piece."""
    own = [place for place in parts.places if is_integrity(place.rule)]
    behind = len(parts.header) + len(parts.payload)
    starts = {"header": 0, "payload": len(parts.header), "trailer": behind}
    if rule.covers == "before":
        yield from _cut(parts, own[0].offset)
        return
    for name in COVERED_PARTS[rule.covers]:
        piece: Bytes = {"header": parts.header, "payload": parts.payload, "trailer": parts.trailer}[name]
        yield from _without(piece, starts[name], own, rule.own)


def _cut(parts: Parts, end: int) -> Iterator[Bytes]:
    for piece in parts.pieces:
        yield piece[: max(end, 0)]
        end -= len(piece)


def _without(piece: Bytes, start: int, own: Iterable[Placed], treated: str | None) -> Iterator[Bytes]:
    """A part with the hash's own bytes zeroed or left out."""
    at = 0
    for place in own:
        first = place.offset - start
        if 0 <= first < len(piece) and treated is not None:
            yield piece[at:first]
            yield bytes(place.size) if treated == "zeroed" else b""
            at = first + place.size
    yield piece[at:]
