"""The target's integrity hash: which algorithm over which bytes, as the target profile states."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

from engine.imaging.pixels import Pixels, canonical


class IntegrityRule(Protocol):
    """What a profile says of an integrity hash."""

    @property
    def algorithm(self) -> str: ...

    @property
    def covers(self) -> str: ...


def _hashlib(name: str) -> Callable[[bytes | memoryview], bytes]:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).digest()


_ALGORITHMS: dict[str, Callable[[bytes | memoryview], bytes]] = {
    "md5": _hashlib("md5"),
    "sha1": _hashlib("sha1"),
    "sha256": _hashlib("sha256"),
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
}
ALGORITHMS, COVERS = frozenset(_ALGORITHMS), frozenset({"pixels", "file"})


def integrity(rule: IntegrityRule, *, file: bytes | None = None, pixels: Pixels | None = None) -> bytes:
    """The hash that `rule` asks for, of the canonical pixel bytes or of the whole file.

    Raises ValueError when what the rule covers was not given.
    """
    covered: bytes | memoryview | None = file
    if rule.covers == "pixels":
        covered = None if pixels is None else canonical(pixels)
    if covered is None:
        raise ValueError(f"an integrity hash over {rule.covers} needs the {rule.covers}")
    return _ALGORITHMS[rule.algorithm](covered)
