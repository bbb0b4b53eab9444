"""Peak memory of the engine while something else runs it: sampled from outside, workers included."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

SECONDS = 0.2  # between two looks


class EnginePeak:
    """The most resident memory (MiB) that any engine process and its workers held together, below process `root`."""

    def __init__(self, root: int) -> None:
        self._root = psutil.Process(root)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.mib = 0.0

    def __enter__(self) -> EnginePeak:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SECONDS):
            try:
                self.mib = max(self.mib, _engine_bytes(self._root) / 1024**2)
            except psutil.NoSuchProcess:
                continue


def _engine_bytes(root: psutil.Process) -> int:
    engines = [process for process in root.children(recursive=True) if "engine.cli.main" in process.cmdline()]
    family = {one for engine in engines for one in (engine, *engine.children(recursive=True))}
    return sum(one.memory_info().rss for one in family)
