"""The integrity hash of a target file, computed again: over pixels, or over the bytes of the file that it covers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from engine.reconcile.native_reader import NativeFile, Stands

_PARTS = ("header", "payload", "trailer")
# Reflected polynomial, first value and final exclusive-or of a 16-bit CRC; the others run highest bit first.
_LOW_FIRST = {
    "crc16-arc": (0xA001, 0x0000, 0x0000),
    "crc16-modbus": (0xA001, 0xFFFF, 0x0000),
    "crc16-kermit": (0x8408, 0x0000, 0x0000),
    "crc16-x25": (0x8408, 0xFFFF, 0xFFFF),
}
_HIGH_FIRST = {"crc16-ccitt-false": 0xFFFF, "crc16-xmodem": 0x0000}


@dataclass(frozen=True, slots=True)
class Sealing:
    """A profile's rule: `algorithm` over `covers`; `own` is what the hash's own bytes count as."""

    algorithm: str
    covers: str
    own: str | None = None

    @property
    def is_checksum(self) -> bool:
        """Whether it is made against accidents only."""
        return self.algorithm.startswith(("crc", "adler"))

    def of(self, data: bytes | memoryview) -> bytes:
        """The hash of these bytes, the highest byte of a checksum first."""
        if self.algorithm in ("crc32", "adler32"):
            return (zlib.crc32 if self.algorithm == "crc32" else zlib.adler32)(data).to_bytes(4, "big")
        if self.algorithm in _HIGH_FIRST:
            return binascii.crc_hqx(data, _HIGH_FIRST[self.algorithm]).to_bytes(2, "big")
        if self.algorithm in _LOW_FIRST:
            return _low_first(bytes(data), *_LOW_FIRST[self.algorithm])
        return hashlib.new(self.algorithm, data, usedforsecurity=False).digest()

    def of_file(self, file: NativeFile) -> bytes:
        """The hash of what it covers of a native file; not for pixels."""
        return self.of(b"".join(self._covered(file)))

    def _covered(self, file: NativeFile) -> Iterator[bytes | memoryview]:
        own = [stands for stands in file.stands if "integrity()" in (stands.field.meaning or "")]
        whole = b"".join(file.parts)
        if self.covers == "before":
            yield whole[: own[0].at]
            return
        wanted = _PARTS if self.covers == "file" else tuple(self.covers.split("+"))
        start = 0
        for name, part in zip(_PARTS, file.parts, strict=True):
            if name in wanted:
                yield self._treated(part, start, own)
            start += len(part)

    def _treated(self, part: memoryview, start: int, own: list[Stands]) -> bytes:
        kept = bytearray(part)
        for stands in reversed(own):
            at = stands.at - start
            if self.own and 0 <= at < len(part):
                kept[at : at + len(stands.raw)] = bytes(len(stands.raw)) if self.own == "zeroed" else b""
        return bytes(kept)


@cache
def _words_table(polynomial: int) -> tuple[int, ...]:
    """What every 16-bit register becomes after two bytes of zeros."""
    return tuple(_shifted(register, 16, polynomial) for register in range(1 << 16))


def _shifted(register: int, bits: int, polynomial: int) -> int:
    for _ in range(bits):
        register = register >> 1 ^ (polynomial if register & 1 else 0)
    return register


def _low_first(data: bytes, polynomial: int, first: int, final: int) -> bytes:
    """Two bytes at a time; an odd one at the end bit by bit."""
    table, register = _words_table(polynomial), first
    for word in memoryview(data[: len(data) // 2 * 2]).cast("H"):
        register = table[register ^ word]
    for byte in data[len(data) // 2 * 2 :]:
        register = _shifted(register ^ byte, 8, polynomial)
    return (register ^ final).to_bytes(2, "big")


def written(seal: bytes, meaning: str) -> int | str | bytes:
    """A hash in the form that an expression over `integrity()` gives it."""
    form = meaning.partition("(")[0] if meaning != "integrity()" else ""
    if form in ("number", "signed_number"):
        number = int(seal.hex(), 16)
        return number - (1 << 8 * len(seal)) if form == "signed_number" and seal[0] > 127 else number
    if form == "base64":
        return base64.b64encode(seal).decode("ascii")
    return {"hex": seal.hex(), "upper_hex": seal.hex().upper()}.get(form, seal)


def row_text(seal: bytes, meaning: str) -> str:
    """A hash as the normal form of a row has it: what is no hexadecimal text stays as it is written."""
    value = written(seal, meaning)
    return seal.hex() if isinstance(value, bytes) else str(value)
