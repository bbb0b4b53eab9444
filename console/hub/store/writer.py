"""Group commit: many sessions' writes share one durable transaction, in one thread, in order of arrival."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from console.hub.store.database import Database

_T = TypeVar("_T")
_BATCH = 256
"""Most jobs in one transaction: bounds how long the first of them waits."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: asyncio.Future[Any]


class Writer:
    """Runs write jobs one after another. A job's result is delivered only after its transaction is durable.

    A job that raises is rolled back alone (savepoint) and its error is delivered; when the transaction itself fails,
    every job of the batch gets that error and none is stored.
    """

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._database, self._loop = database, loop
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="hub-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """The result of `work`, once it is durable."""
        done: asyncio.Future[_T] = self._loop.create_future()
        self._jobs.put(_Job(work, done))
        return await done

    def close(self) -> None:
        """Finishes what is queued and ends the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        open_for_work = True
        while open_for_work:
            batch, open_for_work = self._batch()
            if batch:
                self._settle(batch, self._attempt(batch))

    def _batch(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _BATCH or self._jobs.empty():
                return batch, True
            job = self._jobs.get()
        return batch, False

    def _attempt(self, batch: list[_Job]) -> list[Any]:
        try:
            return self._database.write(lambda connection: [_guarded(connection, job) for job in batch])
        except Exception as problem:
            return [_Failed(problem)] * len(batch)

    def _settle(self, batch: list[_Job], outcomes: list[Any]) -> None:
        self._loop.call_soon_threadsafe(_deliver, batch, outcomes)


@dataclass(frozen=True, slots=True)
class _Failed:
    problem: Exception


def _guarded(connection: Connection, job: _Job) -> Any:
    try:
        with connection.begin_nested():
            return job.work(connection)
    except Exception as problem:
        return _Failed(problem)


def _deliver(batch: list[_Job], outcomes: list[Any]) -> None:
    for job, outcome in zip(batch, outcomes, strict=True):
        if job.done.cancelled():
            continue
        if isinstance(outcome, _Failed):
            job.done.set_exception(outcome.problem)
        else:
            job.done.set_result(outcome)
