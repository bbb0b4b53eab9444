"""Fields of a native file's header and trailer: each value to bytes and back.

Numbers are int or float, `bytes` are bytes, `text` is str. A time is given as a datetime, a date, None or the number it
is kept as, and read as that number; `moment` tells the time it stands for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import construct
import numpy as np

from engine.imaging.moments import CLOCKS, digits_of, filetime
from engine.profiles.native_rules import LUTS, MOMENTS, TIMES, FieldRule
from protocol.vocabulary import FindingCode

__all__ = ["FieldForm", "FieldProblem", "filetime"]

_NUMBERS = {
    **{f"uint{8 * size}": (f"Int{8 * size}ul", f"Int{8 * size}ub") for size in (1, 2, 4, 8)},
    **{f"int{8 * size}": (f"Int{8 * size}sl", f"Int{8 * size}sb") for size in (1, 2, 4, 8)},
    "float32": ("Float32l", "Float32b"),
    "float64": ("Float64l", "Float64b"),
    "filetime": ("Int64ul", "Int64ub"),
    "unix32": ("Int32ul", "Int32ub"),
    "unix64": ("Int64sl", "Int64sb"),
    "unix-ms": ("Int64sl", "Int64sb"),
    "dos": ("Int32ul", "Int32ub"),
    "ole": ("Float64l", "Float64b"),
}


class FieldProblem(ValueError):
    """A value a field cannot hold, or bytes that are no value of it. Names the field, never the value.

    `code` is the finding that a value makes which does not fit.
    """

    def __init__(self, rule: FieldRule) -> None:
        self.field, self.code = rule.name, _problem_code(rule)
        super().__init__(f"{rule.name} does not fit the native format")


@dataclass(frozen=True, slots=True)
class FieldForm:
    """How one field is written and read: by a construct, numbers by its struct, which is what most of them are."""

    rule: FieldRule
    form: Any  # a construct
    number: struct.Struct | None

    @staticmethod
    def of(rule: FieldRule, byte_order: str) -> FieldForm:
        form = _form(rule, rule.byte_order or byte_order)
        return FieldForm(rule, form, struct.Struct(form.fmtstr) if rule.type in _NUMBERS else None)

    def pack(self, value: object) -> bytes:
        """Raises FieldProblem."""
        if self.rule.type in TIMES and not isinstance(value, int | float):
            value = self._kept(value)
        elif self.rule.type in ("digits", "bcd") and not isinstance(value, int):
            value = digits_of(value, self._digits())
        try:
            raw = self.form.build(value) if self.number is None else self.number.pack(value)
        except (construct.ConstructError, struct.error, ValueError, TypeError, OverflowError) as problem:
            raise FieldProblem(self.rule) from problem
        if self.rule.at_most and len(raw) > self.rule.at_most:
            raise FieldProblem(self.rule)
        return raw

    def unpack(self, raw: bytes) -> object:
        """Raises FieldProblem for bytes that no value has."""
        try:
            return self.form.parse(raw)
        except (construct.ConstructError, ValueError) as problem:
            raise FieldProblem(self.rule) from problem

    def moment(self, value: object) -> datetime | None:
        """The time that a value read from a time field stands for; None for unknown, or where it is none."""
        return CLOCKS[self.rule.type].moment(value) if self.rule.type in TIMES else None

    def _kept(self, value: object) -> int | float:
        try:
            return CLOCKS[self.rule.type].kept(value)
        except (ValueError, OverflowError, TypeError) as problem:
            raise FieldProblem(self.rule) from problem

    def _digits(self) -> int:
        return self.rule.size * (2 if self.rule.type == "bcd" else 1)


def _problem_code(rule: FieldRule) -> FindingCode:
    if rule.type == "text":
        return FindingCode.TEXT_NOT_REPRESENTABLE
    is_time = rule.type in (*TIMES, "digits", "bcd") and any(name in MOMENTS for name in rule.names)
    return FindingCode.DATE_OUT_OF_RANGE if is_time else FindingCode.NO_DECODER


def _form(rule: FieldRule, byte_order: str) -> Any:
    if rule.type in _NUMBERS:
        return getattr(construct, _NUMBERS[rule.type][byte_order == "big"])
    if rule.type == "text":
        encoding = rule.encoding or "utf-8"
        return _Text(rule.size, encoding, rule.form) if rule.size else _FreeText(encoding, rule.form)
    if byte_order == "big" and rule.names & LUTS:
        return _SwappedWords(construct.GreedyBytes)
    if rule.type in ("digits", "bcd"):
        return (_Digits if rule.type == "digits" else _PackedDigits)(rule.size)
    return construct.Bytes(rule.size) if rule.size else construct.GreedyBytes


class _Text(construct.Adapter):  # type: ignore[misc]
    """Text of a fixed size; a longer one is cut between two letters, None is empty.

    delimited   between two NULs, NUL-padded        terminated  before a NUL, NUL-padded
    padded      NUL-padded, may fill its size       spaces      space-padded, may fill its size
    """

    def __init__(self, size: int, encoding: str, form: str) -> None:
        super().__init__(construct.Bytes(size))
        self._encoding, self._size = encoding, size
        wide = 2 if encoding.startswith("utf-16") else 1
        self._before = bytes(wide if form == "delimited" else 0)
        self._fill = (" " if form == "spaces" else "\0").encode(encoding)
        self._room = (size - len(self._before) - (wide if form in ("delimited", "terminated") else 0)) // wide * wide

    def _decode(self, raw: bytes, context: object, path: str) -> str:
        body = raw[len(self._before) :]
        while self._fill and body.endswith(self._fill) and len(body) % len(self._fill) == 0:
            body = body[: -len(self._fill)]
        text = body.decode(self._encoding)
        if self._encode(text, context, path) != raw:
            raise construct.ConstructError("not a text of this form", path=path)
        return text

    def _encode(self, text: str | None, context: object, path: str) -> bytes:
        if text and "\0" in text:
            raise construct.ConstructError("a NUL within the text", path=path)
        cut = (text or "").encode(self._encoding)[: self._room].decode(self._encoding, errors="ignore")
        written = self._before + cut.encode(self._encoding)
        rest = self._size - len(written)
        return written + self._fill * (rest // len(self._fill)) + bytes(rest % len(self._fill))


class _FreeText(construct.Adapter):  # type: ignore[misc]
    """Text whose length another field tells, whole; with NULs around it if delimited, behind it if terminated."""

    def __init__(self, encoding: str, form: str) -> None:
        super().__init__(construct.GreedyBytes)
        nul = "\0".encode(encoding)
        self._encoding = encoding
        self._before, self._after = nul * (form == "delimited"), nul * (form in ("delimited", "terminated"))

    def _decode(self, raw: bytes, context: object, path: str) -> str:
        text = raw[len(self._before) : len(raw) - len(self._after)].decode(self._encoding)
        if self._encode(text, context, path) != raw:
            raise construct.ConstructError("not a text of this form", path=path)
        return text

    def _encode(self, text: str | None, context: object, path: str) -> bytes:
        if text and "\0" in text:
            raise construct.ConstructError("a NUL within the text", path=path)
        return self._before + (text or "").encode(self._encoding) + self._after


class _SwappedWords(construct.Adapter):  # type: ignore[misc]
    """Entries of a look-up table, little-endian words, in a file where words are big-endian."""

    def _decode(self, raw: bytes, context: object, path: str) -> bytes:
        return self._encode(raw, context, path)

    def _encode(self, words: bytes, context: object, path: str) -> bytes:
        if len(words) % 2:
            raise construct.ConstructError("not whole words", path=path)
        return np.frombuffer(words, "<u2").astype(">u2").tobytes()


class _Digits(construct.Adapter):  # type: ignore[misc]
    """A number as ASCII digits, zeros in front."""

    def __init__(self, size: int) -> None:
        super().__init__(construct.Bytes(size))
        self._size = size

    def _decode(self, raw: bytes, context: object, path: str) -> int:
        if not raw.isdigit():
            raise construct.ConstructError("not digits", path=path)
        return int(raw)

    def _encode(self, number: int, context: object, path: str) -> bytes:
        written = str(number).rjust(self._size, "0").encode("ascii")
        if not written.isdigit() or len(written) != self._size:
            raise construct.ConstructError("does not fit its digits", path=path)
        return written


class _PackedDigits(construct.Adapter):  # type: ignore[misc]
    """A number in packed BCD: two digits a byte, the higher first."""

    def __init__(self, size: int) -> None:
        super().__init__(construct.Bytes(size))
        self._size = size

    def _decode(self, raw: bytes, context: object, path: str) -> int:
        if not raw.hex().isdigit():
            raise construct.ConstructError("not digits", path=path)
        return int(raw.hex())

    def _encode(self, number: int, context: object, path: str) -> bytes:
        written = str(number).rjust(2 * self._size, "0")
        if not written.isdigit() or len(written) != 2 * self._size:
            raise construct.ConstructError("does not fit its digits", path=path)
        return bytes.fromhex(written)
