"""What [native] and `integrity` of a target profile say, as frozen values. Attribute names are those of the TOML file.

Knows no imaging, so that the reconciler, which reads the same files by its own code, may use it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.profiles.expressions import Expression

BYTE_ORDERS: Final = ("little", "big")
# Bytes of each type of field; None where the profile says how many.
FIELD_SIZES: Final[Mapping[str, int | None]] = {
    "bytes": None,
    "text": None,
    "digits": None,
    "bcd": None,
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "float32": 4,
    "float64": 8,
    "filetime": 8,
    "unix32": 4,
    "unix64": 8,
    "unix-ms": 8,
    "dos": 4,
    "ole": 8,
    "padding": None,
}
INTEGERS: Final = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOATS: Final = ("float32", "float64")
LUTS: Final = frozenset({"pixels.voi_lut", "pixels.modality_lut"})  # names whose value is a table of words
MOMENTS: Final = ("image.acquired_at", "study.started_at", "patient.birth_date")  # names whose value is a time
TIMES: Final = ("filetime", "unix32", "unix64", "unix-ms", "dos", "ole")
SIZELESS: Final = ("bytes", "text")  # types whose length may stand in another field
TEXT_FORMS: Final = ("delimited", "terminated", "padded", "spaces")
FIELD_ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "ascii")
PAYLOAD_CODECS: Final = (
    *("raw16", "raw8", "raw", "deflate", "png", "jpeg", "jpeg-ls", "jpeg-lossless", "jpeg-2000", "rle"),
)
RAW: Final = ("raw16", "raw8", "raw")
REENCODINGS: Final = ("bytes", "pixels")
# Names that are 0 or 1: what one bit of a field may say.
TRUTHS: Final = tuple(
    f"pixels.{name}"
    for name in (
        *("low_is_white", "signed", "has_window", "has_rescale", "has_spacing", "has_voi_lut", "has_modality_lut"),
        "has_window_words",
    )
)
SIZE_NAMES: Final = ("payload.size", "header.size", "file.size")

INTEGRITY_SIZES: Final[Mapping[str, int]] = {
    "crc16-arc": 2,
    "crc16-modbus": 2,
    "crc16-ccitt-false": 2,
    "crc16-xmodem": 2,
    "crc16-kermit": 2,
    "crc16-x25": 2,
    "crc32": 4,
    "adler32": 4,
    "md5": 16,
    "sha1": 20,
    "sha256": 32,
    "sha512": 64,
}
# Parts of a file that a hash covers. "before" is everything before the hash itself.
COVERED_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "payload": ("payload",),
    "header": ("header",),
    "header+payload": ("header", "payload"),
    "payload+trailer": ("payload", "trailer"),
    "file": ("header", "payload", "trailer"),
}
INTEGRITY_COVERS: Final = ("pixels", *COVERED_PARTS, "before")
OWN_FIELDS: Final = ("zeroed", "left-out")
IN_FILE: Final = ("header", "trailer")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a field is there: an earlier integer field has bit `bit` set, or is `equals`."""

    field: str
    bit: int | None = None
    equals: int | None = None

    def holds(self, value: int) -> bool:
        """Whether it is met where the earlier field holds `value`."""
        return bool(value >> self.bit & 1) if self.bit is not None else value == self.equals


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a native header or trailer.

    Its content is one of: the constant `value`; the expression `is_`; `bits`, an expression for each bit from the
    lowest; `length_of`, the length of another field in units of `unit` bytes; nothing, for padding.

    `size` is in bytes; 0 where another field tells the length, which is `at_most` then, and for padding, which ends
    at a multiple of `align` bytes from the start of the file. A `bytes` constant is given whole: a shorter pattern in
    the profile was repeated to `size`. `form` says how a text fills its size.
    """

    name: str
    type: str
    size: int
    value: int | float | bytes | str | None = None
    is_: Expression | None = None
    encoding: str | None = None
    byte_order: str | None = None
    bits: tuple[Expression, ...] = ()
    length_of: str | None = None
    unit: int = 1
    at_most: int = 0
    align: int = 0
    form: str = "delimited"
    when: Condition | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether it takes the same bytes in every file."""
        return self.size > 0 and self.when is None

    @property
    def names(self) -> frozenset[str]:
        """The names of the model that it is computed from."""
        return frozenset(name for expression in self.expressions for name in expression.names)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (*self.bits, *((self.is_,) if self.is_ else ()))


@dataclass(frozen=True, slots=True)
class PayloadRule:
    """How the pixels are written.

    `byte_order` is of raw words; `level` of deflate and png; `reencode` says what `prove` wants of a payload written
    again: the same bytes, or the same pixels.
    """

    codec: str
    byte_order: str | None = None
    level: int | None = None
    reencode: str = "bytes"


@dataclass(frozen=True, slots=True)
class NativeRules:
    """[native]: the target's own image file: header, payload, trailer."""

    type: str
    byte_order: str
    header: tuple[FieldRule, ...]
    payload: PayloadRule
    trailer: tuple[FieldRule, ...]

    @property
    def header_size(self) -> int:
        """Bytes before the payload that every file has."""
        return _fixed_size(self.header)

    @property
    def trailer_size(self) -> int:
        """Bytes after the payload that every file has."""
        return _fixed_size(self.trailer)

    @property
    def fields(self) -> tuple[FieldRule, ...]:
        return (*self.header, *self.trailer)

    def places(self, name: str) -> bool:
        """Whether a field is told by `name` of the model."""
        return any(name in field.names for field in self.fields)


@dataclass(frozen=True, slots=True)
class IntegrityRule:
    """Which hash, over what, and where it is kept: "Table.Column", or "header" and "trailer" of the native file.

    `own` says what the hash's own field is where the hash covers it: `zeroed`, or `left-out` of the bytes.
    """

    algorithm: str
    covers: str
    kept: tuple[str, ...]
    own: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the hash."""
        return INTEGRITY_SIZES[self.algorithm]


def _fixed_size(fields: tuple[FieldRule, ...]) -> int:
    return sum(field.size for field in fields if field.is_fixed)


def is_integrity(field: FieldRule) -> bool:
    """Whether the field keeps the integrity hash."""
    return field.is_ is not None and "integrity" in field.is_.functions
