"""What nobody foresaw: told as a defect of ours, without anybody's data, and written down for those who mend it."""

from __future__ import annotations

import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE: Final = "crash.txt"  # in the job folder; it may hold patient data
_MOST_BYTES: Final = 1 << 20  # the first defects tell enough; a night of a million images repeats one


def noted(error: BaseException, folder: Path) -> str:
    """A sentence for findings and screens. The traceback is appended to crash.txt in `folder`, if that can be done."""
    place = folder / FILE
    with suppress(OSError):
        if not place.exists() or place.stat().st_size < _MOST_BYTES:
            with place.open("a", encoding="utf-8") as file:
                file.write("".join(traceback.format_exception(error)) + "\n")
    return f"a defect in Bitewing ({spot(error)}): report it; {FILE} in the job folder has the details"


def spot(error: BaseException) -> str:
    """What was raised, and in which line of which file."""
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    at = "".join(f" at {Path(place.filename).name}:{place.lineno}" for place in frame)
    return f"{type(error).__name__}{at}"
