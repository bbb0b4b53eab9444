"""One conversion at a time writes a target, whichever job it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from protocol.errors import Refused
from protocol.vocabulary import Refusal

NAME: Final = ".bitewing-lock"  # in the store's own folder: two machines that share it share the lock
_SECONDS: Final = 5.0  # a conversion that was killed is gone within this time


@contextmanager
def target_held(store: Path) -> Iterator[None]:
    """Holds the target. Raises Refused while another conversion does, OSError if the store cannot be written."""
    lock = FileLock(store / NAME, timeout=_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise Refused(
            Refusal.JOB_HELD,
            "another conversion is writing into this target; this one did nothing",
            where="target.store",
            next_step="wait for it to end; if it belongs to another job, give one of the two a target of its own",
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # it stays where it cannot be removed; nobody holds it
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
