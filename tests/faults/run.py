"""make faults: the whole crash matrix, with progress, its table, and docs/crash-matrix.md.

    python -m tests.faults.run [fault ...]

With faults named, only their columns are run and no document is written.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.faults import report
from tests.faults.matrix import Cell, Stages
from tests.faults.practice import memory_folder, warm
from tests.simulators.postgresql import serving

_stages: list[Stages] = []  # for the processes that are forked from this one


def main(wanted: Sequence[str]) -> int:
    started = time.monotonic()
    with serving() as server, memory_folder() as folder:
        warm(dict.__setitem__)
        _stages[:] = [Stages(folder, server)]
        cells = [cell for cell in _stages[0].cells(short=False) if not wanted or cell.fault in wanted]
        results = dict(_shown(_results(cells), len(cells)))
    tally = report.Tally.of(results)
    print(report.terminal(tally))
    for cell, broken in results.items():
        if broken is not None:
            print(f"FAILED {cell}: {broken}")
    print(f"{time.monotonic() - started:.0f} s on {os.cpu_count()} cores")
    if not wanted:
        report.DOCUMENT.write_text(report.document(tally), encoding="utf-8")
    print(f"crash matrix: {tally.passed}/{tally.total}")
    return int(tally.passed != tally.total)


def run_one(cell: Cell) -> tuple[Cell, str | None]:
    """In a process forked from this one."""
    return cell, _stages[0].run(cell)


def _results(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str | None]]:
    with ProcessPoolExecutor(mp_context=get_context("fork")) as lanes:
        yield from lanes.map(run_one, _mixed(cells))


def _mixed(cells: Sequence[Cell]) -> list[Cell]:
    """Those that have to wait for the one server lie apart from one another."""
    place = {cell: number for number, cell in enumerate(cells)}
    return sorted(cells, key=lambda cell: (place[cell] * 7919) % max(len(cells), 1))


def _shown(results: Iterable[tuple[Cell, str | None]], total: int) -> Iterator[tuple[Cell, str | None]]:
    failed = 0
    for number, (cell, broken) in enumerate(results, 1):
        if broken is not None:
            failed += 1
            print(f"FAILED {cell}: {broken}", file=sys.stderr)
        if sys.stderr.isatty() or number % 100 == 0 or number == total:
            end = "\r" if sys.stderr.isatty() and number < total else "\n"
            print(f"{number} of {total} cells, {failed} failed", end=end, file=sys.stderr, flush=True)
        yield cell, broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
