"""Where each field of a native file stands: laid out from values, and found again in bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.imaging.fields import FieldForm, FieldProblem
from engine.imaging.problem import ImageProblem
from engine.profiles.native_rules import SIZE_NAMES, FieldRule, NativeRules
from protocol.vocabulary import FindingCode

Fields = Mapping[str, object]
PayloadSize = Callable[[Fields], int | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A field of one file: its bytes begin at `offset` of the file."""

    rule: FieldRule
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Parts:
    """A file in three pieces, not joined yet, and where its fields stand."""

    header: bytes
    payload: bytes | memoryview
    trailer: bytes
    places: tuple[Placed, ...]

    @property
    def pieces(self) -> tuple[bytes | memoryview, ...]:
        return (self.header, self.payload, self.trailer)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.header) + len(self.payload) + len(self.trailer)

    def joined(self) -> bytes:
        """The whole file."""
        return b"".join(self.pieces)

    def raw(self) -> Mapping[str, bytes]:
        """The bytes of each field."""
        behind = len(self.header) + len(self.payload)
        return {
            place.rule.name: self.header[place.offset : place.offset + place.size]
            if place.offset < len(self.header)
            else self.trailer[place.offset - behind : place.offset - behind + place.size]
            for place in self.places
        }


@dataclass(frozen=True, slots=True)
class Outline:
    """What the header and trailer of a file hold; `start` and `end` of the payload, and where the file should end."""

    fields: dict[str, object]
    places: tuple[Placed, ...]
    start: int
    end: int
    whole: int


class NativeLayout:
    """Header and trailer of one profile's native file."""

    def __init__(self, rules: NativeRules) -> None:
        self._header = tuple(FieldForm.of(rule, rules.byte_order) for rule in rules.header)
        self._trailer = tuple(FieldForm.of(rule, rules.byte_order) for rule in rules.trailer)
        self.forms: Mapping[str, FieldForm] = {form.rule.name: form for form in (*self._header, *self._trailer)}
        self._length_of = {rule.length_of: rule for rule in rules.fields if rule.length_of}
        self._sizes = {rule.name: rule.is_.text.strip() for rule in rules.fields if rule.is_ and _is_size(rule)}
        self._lengths = [rule for rule in rules.fields if rule.length_of]
        self._trailer_size = rules.trailer_size

    @property
    def sizes(self) -> Mapping[str, str]:
        """The fields that tell a size of the file, and which."""
        return self._sizes

    def write(self, values: Fields, payload: bytes | memoryview) -> Parts:
        """The parts of a file. `values` holds every field but sizes, lengths and padding. Raises FieldProblem."""
        header, trailer = self._active(self._header, values), self._active(self._trailer, values)
        told = {*self._sizes, *(rule.name for rule in self._lengths)}
        raw = {
            form.rule.name: bytes(form.rule.size) if form.rule.name in told else form.pack(values[form.rule.name])
            for form in (*header, *trailer)
            if form.rule.type != "padding"
        }
        before, start = _laid(header, raw, 0)
        behind, whole = _laid(trailer, raw, start + len(payload))
        raw |= self._told(raw, {"payload.size": len(payload), "header.size": start, "file.size": whole})
        return Parts(_joined(before, raw), payload, _joined(behind, raw), (*before, *behind))

    def written(self, values: Fields) -> Iterator[FieldForm]:
        """The fields of a file with these values that hold one of them."""
        forms = self._active(self.forms.values(), values)
        return (form for form in forms if form.rule.name in values and form.rule.type != "padding")

    def _told(self, raw: Mapping[str, bytes], sizes: Mapping[str, int]) -> dict[str, bytes]:
        told = {name: self.forms[name].pack(sizes[size]) for name, size in self._sizes.items() if name in raw}
        for rule in self._lengths:
            if rule.name in raw:
                count, rest = divmod(len(raw.get(str(rule.length_of), b"")), rule.unit)
                if rest:
                    raise FieldProblem(self.forms[str(rule.length_of)].rule)
                told[rule.name] = self.forms[rule.name].pack(count)
        return told

    def _active(self, forms: Iterable[FieldForm], values: Fields) -> tuple[FieldForm, ...]:
        return tuple(form for form in forms if _is_there(form.rule, values))

    def read(self, data: bytes, payload_size: PayloadSize) -> Outline:
        """Every field. `payload_size` tells the payload's size from the header's fields, None for up to the trailer.

        Raises ImageProblem, naming the offset, where sizes do not add up.
        """
        fields: dict[str, object] = {}
        places: list[Placed] = []
        start = self._read(self._header, data, 0, fields, places)
        size = payload_size(fields)
        end = start + size if size is not None else max(len(data) - self._trailer_size, start)
        require(data, start, end - start)
        whole = self._read(self._trailer, data, end, fields, places)
        return Outline(fields, tuple(places), start, end, whole)

    def _read(
        self,
        forms: Sequence[FieldForm],
        data: bytes,
        offset: int,
        fields: dict[str, object],
        places: list[Placed],
    ) -> int:
        for form in self._present(forms, fields):
            size = self._size(form.rule, fields, offset)
            require(data, offset, size)
            try:
                fields[form.rule.name] = form.unpack(data[offset : offset + size])
            except FieldProblem as problem:
                detail = f"offset {offset}: {problem.field} is malformed"
                raise ImageProblem(FindingCode.UNREADABLE_FILE, detail) from problem
            places.append(Placed(form.rule, offset, size))
            offset += size
        return offset

    def _present(self, forms: Sequence[FieldForm], fields: Fields) -> Iterator[FieldForm]:
        """One by one, as what was read before decides what comes next."""
        return (form for form in forms if _is_there(form.rule, fields))

    def _size(self, rule: FieldRule, fields: Fields, offset: int) -> int:
        if rule.align:
            return -offset % rule.align
        if rule.size:
            return rule.size
        length = self._length_of[rule.name]
        size = int(str(fields[length.name])) * length.unit
        if size > rule.at_most:
            detail = f"offset {offset}: {rule.name} of {size} bytes; the profile allows {rule.at_most}"
            raise ImageProblem(FindingCode.UNREADABLE_FILE, detail)
        return size

    def expected(self, outline: Outline) -> Mapping[str, object]:
        """What lengths, sizes and padding of a file must be, by field."""
        sizes = {
            "payload.size": outline.end - outline.start,
            "header.size": outline.start,
            "file.size": outline.whole,
        }
        by_name = {place.rule.name: place.size for place in outline.places}
        return {
            **{name: sizes[size] for name, size in self._sizes.items()},
            **{rule.name: by_name.get(str(rule.length_of), 0) // rule.unit for rule in self._lengths},
            **{place.rule.name: _filling(place) for place in outline.places if place.rule.align},
        }


def _is_size(rule: FieldRule) -> bool:
    return rule.is_ is not None and rule.is_.text.strip() in SIZE_NAMES


def _is_there(rule: FieldRule, values: Fields) -> bool:
    if rule.when is None:
        return True
    value = values[rule.when.field]
    return isinstance(value, int) and rule.when.holds(value)


def _laid(forms: Sequence[FieldForm], raw: Mapping[str, bytes], offset: int) -> tuple[list[Placed], int]:
    """The fields one behind the other from `offset`, and where the last one ends."""
    places = []
    for form in forms:
        size = -offset % form.rule.align if form.rule.align else len(raw[form.rule.name])
        places.append(Placed(form.rule, offset, size))
        offset += size
    return places, offset


def _joined(places: Iterable[Placed], raw: Mapping[str, bytes]) -> bytes:
    return b"".join(raw[place.rule.name] if place.rule.name in raw else _filling(place) for place in places)


def _filling(place: Placed) -> bytes:
    return bytes(place.rule.value) * place.size if isinstance(place.rule.value, bytes) else bytes(place.size)


def require(data: bytes, offset: int, size: int) -> None:
    """Raises ImageProblem TRUNCATED unless `size` bytes stand at `offset`."""
    if len(data) < offset + size:
        detail = f"offset {offset}: {size} bytes expected, {max(len(data) - offset, 0)} left"
        raise ImageProblem(FindingCode.TRUNCATED, detail)
