"""The target's integrity hash: which algorithm over which bytes, as the target profile states."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from engine.imaging.crc16 import VARIANTS, crc16
from engine.imaging.pixels import Pixels, canonical
from engine.profiles.native_rules import IntegrityRule

Bytes = bytes | memoryview


class Hash(Protocol):
    """A running hash, in the manner of hashlib. Checksums give their highest byte first."""

    def update(self, data: Bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def integrity(rule: IntegrityRule, *, file: Bytes | None = None, pixels: Pixels | None = None) -> bytes:
    """The hash that `rule` asks for, of the canonical pixel bytes or of the whole file.

    Raises ValueError when what the rule covers was not given.
    """
    covered = file
    if rule.covers == "pixels":
        covered = None if pixels is None else canonical(pixels)
    if covered is None:
        raise ValueError(f"an integrity hash over {rule.covers} needs the {rule.covers}")
    return digest(rule.algorithm, (covered,))


def digest(algorithm: str, pieces: Iterable[Bytes]) -> bytes:
    """The hash of pieces of bytes that follow each other; none of them is copied."""
    running = _new(algorithm)
    for piece in pieces:
        running.update(piece)
    return running.digest()


def _new(algorithm: str) -> Hash:
    if algorithm in VARIANTS:
        return crc16(algorithm)
    if algorithm in _CHECKSUMS:
        return _Checksum(*_CHECKSUMS[algorithm])
    return hashlib.new(algorithm, usedforsecurity=False)


@dataclass(slots=True)
class _Checksum:
    """A 32-bit checksum of zlib's kind."""

    step: Callable[[Bytes, int], int]
    value: int

    def update(self, data: Bytes, /) -> None:
        self.value = self.step(data, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(4, "big")


_CHECKSUMS = {"crc32": (zlib.crc32, 0), "adler32": (zlib.adler32, 1)}
