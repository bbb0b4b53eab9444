"""Each patient's place in the database's own order, in twelve bytes a patient: a practice may have 100,000 and more.

Kept is a digest of eight bytes for each key. Two keys of a million share one with a chance of one in 30 million, and
then the source may be refused, never mixed up: who asks compares the key itself with the patient's at that place.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np

_DIGEST: Final = 8  # bytes, as array("Q") has them


class NotAKey(Exception):
    """A patient's key is missing, or comes twice."""


class Ranks:
    """The place of every key of `keys`, counted from 0. Raises NotAKey."""

    def __init__(self, keys: Iterable[str | None]) -> None:
        digests = np.array(array("Q", map(_own_digest, keys)), np.uint64)
        order = np.argsort(digests).astype(np.uint32)
        digests = digests[order]
        if (digests[1:] == digests[:-1]).any():
            raise NotAKey
        self._digests, self._ranks = array("Q", digests.tobytes()), array("I", order.tobytes())

    def of(self, key: str) -> int | None:
        """Where a key with this digest stands, or None: then the key is not there."""
        digest = _digest(key)
        place = bisect_left(self._digests, digest)
        found = place < len(self._digests) and self._digests[place] == digest
        return self._ranks[place] if found else None


def _own_digest(key: str | None) -> int:
    if key is None:
        raise NotAKey
    return _digest(key)


def _digest(key: str) -> int:
    content = key.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=_DIGEST).digest(), "little")
