"""Files are read again to the last byte, and another content is believed only where two reads agree."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from engine.source.content import Difference, FileRead, ReadAgain, read_again
from engine.source.steady import SteadyStore
from engine.source.store import SourceStore
from protocol.vocabulary import FindingCode
from tests.engine.source.disk import Disk


def was(content: bytes) -> FileRead:
    return FileRead("a", hashlib.sha256(content).hexdigest())


def found(*answers: bytes | FindingCode) -> ReadAgain:
    disk = Disk(*answers)
    state = read_again(SteadyStore(disk, lambda seconds: None), [was(b"whole")])  # type: ignore[arg-type]
    assert disk.answers == []
    return state


def test_the_same_bytes_are_read_once() -> None:
    assert found(b"whole") == ReadAgain(1, 5, ())


@pytest.mark.parametrize(
    ("answers", "difference"),
    [
        ((b"whOle", b"whOle"), Difference.CHANGED),
        ((b"whole!", b"whole!"), Difference.CHANGED),
        ((FindingCode.EMPTY_FILE, FindingCode.EMPTY_FILE), Difference.CHANGED),
        ((FindingCode.TOO_LARGE,), Difference.CHANGED),
        ((b"whOle", b"whole"), Difference.UNSTEADY),
        ((b"whOle", FindingCode.UNREADABLE_FILE), Difference.UNSTEADY),
        ((FindingCode.UNREADABLE_FILE, b"whole"), Difference.UNSTEADY),
        ((FindingCode.UNREADABLE_FILE, FindingCode.UNREADABLE_FILE), Difference.UNREADABLE),
        ((FindingCode.MISSING_FILE,), Difference.UNREADABLE),
    ],
)
def test_what_is_different_is_told_by_its_kind(
    answers: tuple[bytes | FindingCode, ...], difference: Difference
) -> None:
    assert found(*answers).different == ((difference, "a"),)


def test_every_single_byte_counts_whatever_size_and_time_say(tmp_path: Path) -> None:
    content = bytearray(range(64))
    place = tmp_path / "a"
    place.write_bytes(content)
    before = place.stat()
    store = SteadyStore(SourceStore([tmp_path]), lambda seconds: None)
    for position in range(len(content)):
        spoilt = bytearray(content)
        spoilt[position] ^= 1
        place.write_bytes(spoilt)
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert place.stat().st_mtime_ns == before.st_mtime_ns
        assert read_again(store, [was(bytes(content))]).different == ((Difference.CHANGED, "a"),), position
