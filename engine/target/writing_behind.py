"""Files written by a thread of their own while the next one is made: neither processor nor disk waits for the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from engine.imaging.integrity import Bytes

Write = Callable[[Path, tuple[Bytes, ...]], None]


class WritingBehind:
    """Calls `write` for one file after the other, in their order, one file behind the caller.

    At most two files are in memory. What `write` raises is raised by the next `give`, or at the end of the block.
    """

    def __init__(self, write: Write) -> None:
        self._write, self._thread = write, ThreadPoolExecutor(1)
        self._under_way: Future[None] | None = None

    def __enter__(self) -> WritingBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True)
        if error is None:
            self._wait()

    def give(self, path: Path, pieces: tuple[Bytes, ...]) -> None:
        """Hands a file over, once the one before is written."""
        self._wait()
        self._under_way = self._thread.submit(self._write, path, pieces)

    def _wait(self) -> None:
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            under_way.result()
