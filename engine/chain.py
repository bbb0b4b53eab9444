"""Append-only, hash-chained JSON lines: an edited, removed or reordered line is noticed.

A line is `{"index": n, "at": UTC seconds, "prev": hash of the line before, "body": {...}, "hash": ...}`, where
`hash` is the SHA-256 of the line without it. A last line without its newline was cut by a power failure before
anyone was told it stood there; it is dropped at the next append.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = "0" * 64


class ChainBroken(ValueError):
    """The file is not what was appended to it; `line` (from 1) is the first that does not fit."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"line {line} does not follow from the one before it")


@dataclass(frozen=True, slots=True)
class Link:
    """One line: its place, when it was written (UTC seconds), what it says, and its hash."""

    index: int
    at: int
    body: dict[str, Any]
    hash: str


def read(path: Path) -> Iterator[Link]:
    """The file's lines in order, each checked. Raises ChainBroken."""
    prev = GENESIS
    for index, line in enumerate(_whole_lines(path)):
        link = _checked(index, prev, line)
        prev = link.hash
        yield link


def append(path: Path, at: int, body: dict[str, Any]) -> Link:
    """Appends one line, durable when this returns. The caller holds the file's lock. Raises ChainBroken."""
    last = max(read(path), key=lambda link: link.index, default=None)
    index, prev = (last.index + 1, last.hash) if last else (0, GENESIS)
    record = {"index": index, "at": at, "prev": prev, "body": body}
    digest = _hash(record)
    line = json.dumps({**record, "hash": digest}, separators=(",", ":"), ensure_ascii=False)
    _append_durably(path, line.encode() + b"\n")
    return Link(index, at, body, digest)


def _whole_lines(path: Path) -> list[bytes]:
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1].splitlines()


def _checked(index: int, prev: str, line: bytes) -> Link:
    try:
        record = json.loads(line)
        claimed = record.pop("hash")
        intact = record["index"] == index and record["prev"] == prev and _hash(record) == claimed
        link = Link(index, record["at"], record["body"], claimed)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ChainBroken(index + 1) from None
    if not intact:
        raise ChainBroken(index + 1)
    return link


def _hash(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _append_durably(path: Path, line: bytes) -> None:
    new = not path.exists()
    with path.open("r+b" if not new else "w+b") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes a new name in `folder` durable. Windows keeps names durable by itself and has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
