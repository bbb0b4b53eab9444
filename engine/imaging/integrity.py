"""The target's integrity hash: which algorithm over which bytes, as the target profile states."""

from __future__ import annotations

import hashlib

from engine.imaging.pixels import Pixels, canonical
from engine.profiles.native_rules import IntegrityRule


def integrity(rule: IntegrityRule, *, file: bytes | None = None, pixels: Pixels | None = None) -> bytes:
    """The hash that `rule` asks for, of the canonical pixel bytes or of the whole file.

    Raises ValueError when what the rule covers was not given.
    """
    covered: bytes | memoryview | None = file
    if rule.covers == "pixels":
        covered = None if pixels is None else canonical(pixels)
    if covered is None:
        raise ValueError(f"an integrity hash over {rule.covers} needs the {rule.covers}")
    return hashlib.new(rule.algorithm, covered, usedforsecurity=False).digest()
