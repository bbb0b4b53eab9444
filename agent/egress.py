"""The practice's copy of every frame, exactly as sent, written and synced before the socket sees it.

One frame is one line of JSON that a person can read:

    {"at":1700000000,"frame":{...},"prev":"<64 hex>","hash":"<64 hex>"}

`frame` holds the sent bytes unchanged. `hash` is SHA-256 of the line without its `hash` field; `prev` is the hash of
the line before, and 64 zeros on the first line. An edited, removed, moved or added line breaks the chain.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from protocol.errors import EnvironmentProblem

CHAIN_START = "0" * 64
_TAIL_BYTES = 256 * 1024  # longer than the longest line: a frame is at most 64 KiB


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sent frame: UTC second, the bytes that went out, hash of the line before, own hash."""

    at: int
    frame: msgspec.Raw
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a whole, unbroken log says: number of frames, their bytes on the wire, the hash of the last line."""

    frames: int
    bytes_out: int
    head: str


def _unhashed(at: int, frame: bytes, prev: str) -> bytes:
    return b'{"at":%d,"frame":%b,"prev":"%b"' % (at, frame, prev.encode())


def _render(at: int, frame: bytes, prev: str) -> tuple[bytes, str]:
    body = _unhashed(at, frame, prev)
    digest = sha256(body + b"}").hexdigest()
    return body + b',"hash":"%b"}\n' % digest.encode(), digest


def _parse(raw: bytes, number: int, path: Path) -> Line:
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise _damaged(path, number) from problem
    if _render(line.at, bytes(line.frame), line.prev)[0] != raw:
        raise _damaged(path, number)
    return line


def _damaged(path: Path, number: int) -> EnvironmentProblem:
    return EnvironmentProblem(
        "the egress log was changed after it was written",
        where=f"{path.name}, line {number}" if number else f"{path.name}, last line",
        next_step="keep this file for the practice's IT to look at, move it out of the job folder, and start again",
    )


class EgressLog:
    """The open log. One process at a time: the agent's lock guards it."""

    def __init__(self, path: Path) -> None:
        """Open for appending. A half-written last line is cut off: its frame was never sent."""
        self._path = path
        try:
            self._file: BinaryIO = path.open("a+b")
            self._head = _recover(self._file, path)
        except OSError as problem:
            raise _unwritable(path) from problem

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self._head

    def record(self, frame: bytes, at: int) -> None:
        """Append and sync one frame. Raises EnvironmentProblem if it is not on disk: then it must not be sent."""
        line, digest = _render(at, frame, self._head)
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as problem:
            raise _unwritable(self._path) from problem
        self._head = digest

    def close(self) -> None:
        """Close the file; every recorded frame is already on disk."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _unwritable(path: Path) -> EnvironmentProblem:
    return EnvironmentProblem(
        "the egress log cannot be written, so nothing is sent",
        where=path.name,
        next_step="check free space and permissions of the job folder",
    )


def _recover(file: BinaryIO, path: Path) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        file.truncate(size - (len(tail) - whole))
    if not whole:
        return CHAIN_START
    last = tail[tail.rfind(b"\n", 0, whole - 1) + 1 : whole]
    return _parse(last, 0, path).hash


def lines(path: Path) -> Iterator[Line]:
    """Every recorded frame in order, each line's own hash checked; a torn last line is not yet a line.

    Raises EnvironmentProblem naming the first line that was changed, removed, moved or added.
    """
    if not path.exists():
        return
    prev = CHAIN_START
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if not raw.endswith(b"\n"):
                return
            line = _parse(raw, number, path)
            if line.prev != prev:
                raise _damaged(path, number)
            prev = line.hash
            yield line


def verify(path: Path) -> Verified:
    """Walk the whole chain. Raises EnvironmentProblem at the first line that does not fit."""
    frames = bytes_out = 0
    head = CHAIN_START
    for line in lines(path):
        frames, bytes_out, head = frames + 1, bytes_out + len(bytes(line.frame)), line.hash
    return Verified(frames, bytes_out, head)
