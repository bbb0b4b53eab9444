"""One worker within the test's own process: a test may patch what it does and arm its failpoints; it starts at once.

Two workers and more are processes, as always; and so is a single one for a test that asks for `real_workers`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from engine.running import workers

_real = workers.processes


class _Within(Executor):
    """Does the work at once, in this process."""

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


def _processes(count: int, prepare: Callable[..., None], settings: tuple[Any, ...]) -> Executor:
    if count > 1:
        return _real(count, prepare, settings)
    prepare(*settings)
    return _Within()


def install() -> None:
    """From now on a single worker is this process."""
    workers.processes = _processes


def pytest_configure() -> None:
    install()


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker is a process, also a single one."""
    monkeypatch.setattr(workers, "processes", _real)
