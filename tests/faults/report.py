"""The crash matrix as people read it: a table in the terminal, and docs/crash-matrix.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.faults import FAULTS
from tests.faults.matrix import ROWS, Cell
from tests.faults.scenes import SCENES
from tests.protocol.reference import table

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "crash-matrix.md"
_NOT: Final = "·"  # cannot occur
_FIGURE: Final = re.compile(rf"\d+/\d+|{_NOT}")

_OPENING: Final = """\
# Crash matrix

Written by `make faults`, which runs every cell; a test holds that the steps and faults below are those of the code.

Last run: {passed}/{total} cells passed.

## What a cell is

A fault happens at one call of the conversion: at a step, or at the first, a middle and the last call that such a fault
can hit after it. The columns "Nth call" and "source" take every such call of the run. A cell that cannot occur (reading
a source at a commit) is none, and is shown as a dot. In each cell:

1. A practice is converted into a target that already holds foreign files, folders, a link, and rows. The converter is
   a real process; kill -9 is SIGKILL.
2. The fault happens. Right after it, nothing foreign is touched, no file stands half under its final name, and no
   committed row lacks its file.
3. `convert` is started again and stopped before its first patient: each patient is there whole or not at all, and
   nothing else is there.
4. `convert` is run as a person would, until it passes. Files, folders and rows are those of a run that nothing
   disturbed, byte for byte and value for value; foreign files have their times, rights and links; the incoming folder
   is gone; the journal calls every patient done; the source's fingerprint is the same.
"""

_LIMITS: Final = """\
## How a power cut is made, and what is not covered

The files are watched below whatever the engine calls: every file created, linked, renamed or removed, every folder made
or removed, every fsync. At the cut the store is rewritten to what a disk need have kept: an entry counts only once its
folder was flushed, bytes only once their file was flushed, and what was removed comes back unless its folder was
flushed. Entries and bytes are not reordered across an fsync. The process then dies by SIGKILL. That is stricter than
ext4, XFS or NTFS, which keep more, and says nothing of a disk that lies about a flush.

- SQLite's and PostgreSQL's own files are left as they are at the cut: that a commit outlasts it is their settings'
  matter (journal: WAL with synchronous=FULL; SQLite target: synchronous=EXTRA; PostgreSQL and SQL Server: their own).
- Errors are raised where Python would raise them, not by a broken disk; a disk that is really full, a store that is
  really read-only or forbidden are in `tests/faults/test_real_environment.py`.
- A target whose database makes keys may make other ones after a fault: there a key is compared by what it stands for
  (the patient's chart number, the images below it), and every other value as it is.
- A sharing violation is Windows' error, raised on this system. SQL Server is not part of the matrix.
- The work of the one worker is done within the process of the run, except for the column about workers: with processes
  of their own the order is not the same each time. Random kills with four workers are in
  `tests/suites/test_determinism.py`.
"""


@dataclass(frozen=True)
class Tally:
    """How many cells there are of each step and fault, and how many of them passed."""

    cells: Counter[tuple[str, str]]
    kept: Counter[tuple[str, str]]

    @staticmethod
    def of(results: Mapping[Cell, str | None]) -> Tally:
        cells = Counter((cell.step, cell.fault) for cell in results)
        return Tally(cells, Counter((cell.step, cell.fault) for cell, broken in results.items() if broken is None))

    @property
    def total(self) -> int:
        return self.cells.total()

    @property
    def passed(self) -> int:
        return self.kept.total()

    def figure(self, step: str, fault: str) -> str:
        """Passed and all, such as 9/9."""
        many = self.cells[step, fault]
        return f"{self.kept[step, fault]}/{many}" if many else _NOT


def terminal(tally: Tally) -> str:
    """Steps as rows, faults as columns; what the columns mean stands below."""
    lines = [f"{'step':<20}" + "".join(f"{_letter(fault):>8}" for fault in FAULTS)]
    lines += [f"{step:<20}" + "".join(f"{tally.figure(step, fault):>8}" for fault in FAULTS) for step in ROWS]
    return "\n".join([*lines, "", *(f"{_letter(name)}  {fault.title}: {fault.text}" for name, fault in FAULTS.items())])


def document(tally: Tally) -> str:
    """The whole of docs/crash-matrix.md."""
    steps = table(("step", "how things stand"), *((f"`{step}`", text) for step, text in ROWS.items()))
    faults = [(_letter(name), fault.title, fault.text) for name, fault in FAULTS.items()]
    scenes = table(("starts from", "cells"), *((scene.text, _where(name)) for name, scene in SCENES.items()))
    cells = [(f"`{step}`", *(tally.figure(step, fault) for fault in FAULTS)) for step in ROWS]
    return (
        "\n\n".join(
            (
                _OPENING.format(passed=tally.passed, total=tally.total).strip(),
                f"## Steps\n\n{steps}",
                f"## Faults\n\n{table(('', 'fault', 'what happens'), *faults)}",
                f"## Where a run starts\n\n{scenes}",
                f"## The matrix: passed/all\n\n{table(('step', *map(_letter, FAULTS)), *cells)}",
                _LIMITS.strip(),
            )
        )
        + "\n"
    )


def without_figures(text: str) -> str:
    """A document that can be compared with another run's."""
    return _FIGURE.sub("n", text)


def occurring(text: str) -> set[tuple[str, str]]:
    """The steps and faults of the cells that a document shows."""
    lines = [
        [part.strip(" `") for part in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")
    ]
    rows = [(line[0], line[1:]) for line in lines if len(line) == len(FAULTS) + 1]
    return {
        (step, fault) for step, figures in rows for fault, figure in zip(FAULTS, figures, strict=True) if figure != _NOT
    }


def _letter(fault: str) -> str:
    return chr(ord("A") + list(FAULTS).index(fault))


def _where(scene: str) -> str:
    if SCENES[scene].only_power:
        return "power cuts"
    return "SQLite and PostgreSQL" if SCENES[scene].on_server else "SQLite"
