"""make bench: speed and memory of the engine, each figure beside its floor. Prints a table, writes build/bench.json."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.reference import reference_rows
from tests.benchmarks.rows import Row, row, table, write
from tests.benchmarks.scale import scale_rows
from tests.benchmarks.steps import step_rows

_PARTS: Final = ("reference", "scale", "steps")
_REFERENCE, _SCALE = 1_000, (2_000, 20_000)  # images, where nothing else is said
_LONG_REFERENCE, _LONG_SCALE = 3_000, (10_000, 1_000_000)


def main(words: list[str] | None = None) -> None:
    options = _parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="bitewing-bench-", dir=options.folder) as folder:
        rows = [*_machine(), *_rows(options, Path(folder))]
    sys.stdout.write(table(rows))
    write(rows, options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=(*_PARTS, []), help="what to measure; all of it by default")
    parser.add_argument("--long", action="store_true", help="3,000 images of the mix; 10,000 and 1,000,000 small ones")
    parser.add_argument("--images", type=int, help=f"images of the reference mix ({_REFERENCE:,})")
    parser.add_argument("--scale", type=int, nargs=2, metavar=("SMALL", "LARGE"), help="small images, twice")
    parser.add_argument("--workers", type=int, default=0, help="worker processes; 0 is one a core")
    parser.add_argument("--folder", type=Path, help="where to write; on the disk that is to be measured")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="the rows as JSON")
    return parser


def _rows(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    wanted = options.parts or _PARTS
    images = options.images or (_LONG_REFERENCE if options.long else _REFERENCE)
    small, large = options.scale or (_LONG_SCALE if options.long else _SCALE)
    if "reference" in wanted:
        yield from reference_rows(folder / "reference", images, options.workers)
    if "scale" in wanted:
        yield from scale_rows(folder / "scale", small, large, options.workers)
    if "steps" in wanted:
        yield from step_rows(folder / "steps")


def _machine() -> Iterator[Row]:
    """What the figures were measured on, and how busy it was with other things when the run began."""
    yield row("machine: cores", float(os.cpu_count() or 1), "")
    if hasattr(os, "getloadavg"):
        yield row("machine: load before", os.getloadavg()[0], "")


if __name__ == "__main__":
    main()
