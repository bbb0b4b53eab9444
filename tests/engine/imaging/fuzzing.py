"""Decodes mutants in a process of its own: `python -m tests.engine.imaging.fuzzing FIRST SECONDS MARK`.

The number of the mutant under work stands in the file MARK, so that one which ends or holds up the process is known.
"""

from __future__ import annotations

import faulthandler
import resource
import struct
import sys
import time
from pathlib import Path

from engine.imaging.decode import decode, encoding
from engine.imaging.problem import ImageProblem
from tests.engine.imaging.seeds import mutant

MOST_MEMORY = (
    3 << 30
)  # bytes: a picture of 100 million pixels of 3 x 16 bits, a few times over while it is put together


def main(first: int, seconds: float, mark: Path) -> None:
    """Decodes mutants from `first` on; prints how many, how many were pictures, and the slowest."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    end, number, pictures, slowest = time.monotonic() + seconds, first, 0, (0.0, first)
    with mark.open("wb", buffering=0) as place:
        while time.monotonic() < end:
            place.seek(0)
            place.write(struct.pack("<Q", number))
            started = time.monotonic()
            pictures += _is_picture(number)
            slowest = max(slowest, (time.monotonic() - started, number))
            number += 1
    print(number - first, pictures, f"{slowest[0]:.1f}", slowest[1])


def _is_picture(number: int) -> bool:
    _, data = mutant(number)
    for judge in (encoding, decode):
        try:
            judge(data)
        except ImageProblem as problem:
            if "MemoryError" in problem.detail:
                raise AssertionError("beyond the memory that a picture needs") from problem
            return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
