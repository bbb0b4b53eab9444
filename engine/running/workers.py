"""Work on many patients at once: a pool of processes, results in the order of the work, however many workers there are.

No work is ever done in this process itself: a file may end the process that decodes it. A worker that dies takes
nothing with it: what was under way is done again, one piece at a time, so that the piece that kills workers is found.
Workers start as they are needed: none where there is nothing to do, and one for a single piece.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from engine.running.pace import FULL_PACE, rest

Item = TypeVar("Item")
Result = TypeVar("Result")

_WINDOW: Final = 2  # pieces of work per worker that are under way or waiting to be collected


class WorkerDied(Exception):
    """The process that worked on this piece died, and on this piece alone."""


class Workers(Generic[Item, Result]):
    """`task(item)` in worker processes, each prepared once by `prepare(*settings)`; all three must be importable.

    What `prepare` raises, the piece of work raises that waited for it. `pace` is asked for each item: the percent of
    the time that its worker may work.
    """

    def __init__(
        self,
        count: int,
        task: Callable[[Item], Result],
        prepare: Callable[..., None],
        settings: tuple[Any, ...],
        pace: Callable[[], int] = lambda: FULL_PACE,
    ) -> None:
        self.count = worker_count(count)
        self._task, self._prepare, self._settings, self._pace = task, prepare, settings, pace
        self._pool = self._new_pool()

    def __enter__(self) -> Workers[Item, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, item: Item) -> Result:
        """One piece of work, alone. Raises WorkerDied, or whatever the task raises."""
        try:
            return self._submitted(item).result()
        except BrokenProcessPool as problem:
            self._pool = self._new_pool()
            raise WorkerDied from problem

    def begins(self) -> bool:
        """Whether a process can begin at all, without any piece of work. Raises whatever `prepare` raises."""
        try:
            with _deaf_to_ctrl_c():  # it may start a worker
                self._pool.submit(_prepared).result()
        except BrokenProcessPool:
            self._pool = self._new_pool()
            return False
        return True

    def map(self, items: Iterable[Item]) -> Iterator[tuple[Item, Result | WorkerDied]]:
        """Every item with its result, in the order of `items`, which are taken as workers get free.

        If taking an item raises, everything under way is yielded first.
        """
        source, pending = iter(items), deque[tuple[Item, Future[Result]]]()
        stopped: BaseException | None = None
        exhausted = False
        while pending or not exhausted:
            while not exhausted and len(pending) < self._limit():
                try:
                    item = next(source)
                except StopIteration:
                    exhausted = True
                except Exception as problem:
                    stopped, exhausted = problem, True
                else:
                    pending.append((item, self._submit(item)))
            if pending:
                yield self._collect(pending)
        if stopped is not None:
            raise stopped

    def _limit(self) -> int:
        """How many pieces may be under way. A single worker takes turns with this process: one core is enough."""
        return 1 if self.count == 1 else _WINDOW * self.count

    def _submit(self, item: Item) -> Future[Result]:
        try:
            return self._submitted(item)
        except BrokenProcessPool as problem:
            broken: Future[Result] = Future()
            broken.set_exception(problem)
            return broken

    def _submitted(self, item: Item) -> Future[Result]:
        with _deaf_to_ctrl_c():  # it may start a worker
            return self._pool.submit(_paced, self._task, item, self._pace())

    def _collect(self, pending: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result | WorkerDied]:
        item, future = pending.popleft()
        try:
            return item, future.result()
        except WorkerDied as died:
            return item, died
        except BrokenProcessPool:
            return item, self._again(item, pending)

    def _again(self, item: Item, pending: deque[tuple[Item, Future[Result]]]) -> Result | WorkerDied:
        """The pool broke: repeats `item` alone in a new pool, and then whatever else was lost, alone as well."""
        self._pool = self._new_pool()
        result = self._alone(item)
        for _ in range(len(pending)):
            other, future = pending.popleft()
            whole = future.done() and not isinstance(future.exception(), BrokenProcessPool)
            pending.append((other, future if whole else self._repeat(other)))
        return result

    def _repeat(self, item: Item) -> Future[Result]:
        repeated: Future[Result] = Future()
        found = self._alone(item)
        if isinstance(found, WorkerDied):
            repeated.set_exception(found)
        else:
            repeated.set_result(found)
        return repeated

    def _alone(self, item: Item) -> Result | WorkerDied:
        try:
            return self.run(item)
        except WorkerDied as died:
            return died

    def _new_pool(self) -> Executor:
        return processes(self.count, self._prepare, self._settings)


def processes(count: int, prepare: Callable[..., None], settings: tuple[Any, ...]) -> Executor:
    """Up to `count` processes, each prepared before its first piece of work."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(prepare, settings))


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A process that is started within never hears Ctrl-C, not even while it imports; this one hears it afterwards."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def worker_count(wanted: int) -> int:
    """How many workers `wanted` means: 0 is all cores."""
    return wanted or os.cpu_count() or 1


# In a worker process: the seconds that its last piece of work took, for which it may still have to rest; how it is
# prepared, as long as it is not.
_worked = [0.0]
_preparing: list[Callable[[], None]] = []


def _prepared() -> None:
    """An error in preparing reaches the parent as itself here: in the pool's initializer it would end the process."""
    if _preparing:
        _preparing[0]()
        _preparing.clear()


def _paced(task: Callable[[Item], Result], item: Item, pace: int) -> Result:
    """Rests for the piece before, so that no result waits for a rest; then does this one."""
    _prepared()
    time.sleep(rest(_worked[0], pace))
    started = time.monotonic()
    try:
        return task(item)
    finally:
        _worked[0] = time.monotonic() - started


def _begin(prepare: Callable[..., None], settings: tuple[Any, ...]) -> None:
    """In a new worker: leaves Ctrl-C to the parent, and dies with the parent, whichever way that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _preparing.append(partial(prepare, *settings))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
