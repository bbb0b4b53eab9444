"""The practice's copy of every frame, exactly as sent, written and synced before the socket sees it.

One frame is one line of JSON that a person can read:

    {"at":1700000000,"frame":{...},"prev":"<64 hex>","hash":"<64 hex>"}

`frame` holds the sent bytes unchanged. `hash` is SHA-256 of the line without its `hash` field; `prev` is the hash of
the line before, and 64 zeros on the first line. An edited, removed, moved or added line breaks the chain. A line cut
off the end does not: the outbox remembers how far the log went (`egress_head`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Self

import msgspec

from agent import log
from agent.egress_head import CHAIN_START, NOTHING, Head, Marks, Memory
from protocol.errors import EnvironmentProblem

_TAIL_BYTES: Final = 256 * 1024  # longer than the longest line: a frame is at most 64 KiB
_LATEST: Final = 253_402_300_799  # the end of the year 9999, in UTC seconds
_KEEP_BOTH: Final = (
    "keep egress.jsonl and outbox.sqlite for the practice's IT to look at, move both out"
    " of the job folder, and start again: the evidence still stands in the ledger and is sent anew"
)


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sent frame: UTC second, the bytes that went out, hash of the line before, own hash."""

    at: Annotated[int, msgspec.Meta(ge=0, le=_LATEST)]
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
        next_step=_KEEP_BOTH,
    )


class EgressLog:
    """The open log. One process at a time: the agent's lock guards it."""

    def __init__(self, path: Path, memory: Memory) -> None:
        """Open for appending. A half-written last line is cut off: its frame was never sent.

        A log that is not the one `memory` knows is told and remembered, and written on: the migration does not stop
        for it, and `verify_whole` does not forget it.
        """
        self._path, self._memory = path, memory
        try:
            self._file = FileIO(path, "a+")
            self._head = _opened(self._file, path, memory)
        except OSError as problem:
            raise _unwritable(path) from problem
        self._kept: Head | None = None
        self._torn = False
        self._remember()
        if broken := memory.marks().broken:
            log.tell("egress-log-altered", frames=broken.frames)

    @property
    def head(self) -> str:
        """The hash of the last line."""
        return self._head.hash

    def record(self, frame: bytes, at: int) -> None:
        """Append and sync one frame. Raises EnvironmentProblem if it is not on disk: then it must not be sent."""
        self._remember()  # before the next line, so that the log is never two ahead
        line, digest = _render(at, frame, self._head.hash)
        try:
            self._append(line)
        except OSError as problem:
            raise _unwritable(self._path) from problem
        self._head = Head(self._head.frames + 1, self._head.size + len(line), digest)
        self._remember()

    def _append(self, line: bytes) -> None:
        if self._torn:
            self._file.truncate(self._head.size)
        self._torn = True
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())
        self._torn = False

    def _remember(self) -> None:
        if self._kept != self._head:
            self._memory.keep(self._head)
            self._kept = self._head

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


def _opened(file: FileIO, path: Path, memory: Memory) -> Head:
    """The log's head, judged by what is remembered of it."""
    size, last = _last_line(file, path)
    known = memory.marks()
    if known.newest is not None and _goes_on(known.newest, size, last):
        return Head(known.newest.frames + (size > known.newest.size), size, last.hash if last else CHAIN_START)
    head = Head(_count(path), size, last.hash if last else CHAIN_START)
    if known.newest is not None:
        memory.keep_broken(known.newest)
    elif head != NOTHING:
        log.tell("egress-log-adopted", frames=head.frames)
    return head


def _goes_on(known: Head, size: int, last: Line | None) -> bool:
    """Whether a log of `size` bytes ends where `known` says, or one frame later."""
    if last is None or size == known.size:
        return (size, last.hash if last else CHAIN_START) == (known.size, known.hash)
    line = _render(last.at, bytes(last.frame), last.prev)[0]
    return last.prev == known.hash and size == known.size + len(line)


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(raw.endswith(b"\n") for raw in file)


def _last_line(file: FileIO, path: Path) -> tuple[int, Line | None]:
    """Size in bytes and last line, after what is torn behind it was cut off."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - _TAIL_BYTES))
    tail = file.readall() or b""
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        file.truncate(start + whole)
    if not whole:
        return start, None
    return start + whole, _parse(tail[tail.rfind(b"\n", 0, whole - 1) + 1 : whole], 0, path)


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
    return _walked(path, NOTHING)[0]


def verify_whole(path: Path, recall: Callable[[], Marks]) -> tuple[Verified, bool]:
    """Walk the whole chain and hold it against what `recall` remembers; False if nothing is remembered to compare with.

    An agent may be writing meanwhile, so what is remembered is read before and after the walk. Raises
    EnvironmentProblem if a line does not fit, if the end is missing, if lines were added, or if it is another log.
    """
    before = recall()
    if before.broken is not None:
        raise _parted(path, f"an agent found that it did not go on from frame {before.broken.frames}")
    found, then = _walked(path, before.newest or NOTHING)
    if then is None:
        raise _parted(path, f"it ends at frame {found.frames}, and {(before.newest or NOTHING).frames} left")
    if before.newest is not None and then != before.newest.hash:
        raise _parted(path, "it is another log")
    after = recall().newest
    if after is not None and found.frames > after.frames + 1:
        raise _parted(path, f"it holds {found.frames} frames, and {after.frames} left")
    return found, after is not None


def _walked(path: Path, known: Head) -> tuple[Verified, str | None]:
    """The whole log, and the hash of the line that was its last at `known`; None if it does not go that far."""
    frames = bytes_out = 0
    head = CHAIN_START
    then = head if known.frames == 0 else None
    for line in lines(path):
        frames, bytes_out, head = frames + 1, bytes_out + len(bytes(line.frame)), line.hash
        then = head if frames == known.frames else then
    return Verified(frames, bytes_out, head), then


def _parted(path: Path, how: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"the egress log is not what the agent wrote: {how}",
        where=path.name,
        next_step=f"if it was put back from an older backup, that is why; {_KEEP_BOTH}",
    )
