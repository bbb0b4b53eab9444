"""What a top-up costs beside the night before it: few patients changed, many stay.

`python -m tests.benchmarks.top_up [PATIENTS [IMAGES_EACH [WIDTH HEIGHT [CHANGED]]]]` prints seconds of wall time and of
processor time for dry run and conversion together: two starts of the engine, with their workers. The source's files are
links to a few, so that they are read from memory and take no room; what is converted goes to the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.vocabulary import Phase
from tests.benchmarks import phase
from tests.engine.tiny import Tiny, TinyPractice, dicom

_CONTENTS = 16  # different pictures; more would only take longer to make
_CHANGED = 0.001  # of the patients, at least one


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds."""

    wall: float
    processor: float

    def share_of(self, other: Spent) -> Spent:
        return Spent(self.wall / other.wall, self.processor / other.processor)


@dataclass(frozen=True, slots=True)
class Measured:
    """A whole night, and the top-up after it."""

    night: Spent
    top_up: Spent
    changed: int


def practice_of(patients: int, images: int, width: int, height: int) -> TinyPractice:
    """Patients with one visit each, and images of the given size in it."""
    practice = TinyPractice()
    person, visit, series, media = (practice.rows[name][0] for name in ("patient", "study", "series", "media"))
    contents = [dicom(seed, width=width, height=height) for seed in range(_CONTENTS)]
    numbers = range(1, patients + 1)
    practice.rows |= {
        "patient": [{**person, "id": n, "practice_pms_id": f"{n:06}"} for n in numbers],
        "study": [{**visit, "id": n, "patient_id": n, "study_instance_uid": f"1.2.{n}"} for n in numbers],
        "series": [{**series, "id": n, "study_id": n, "series_instance_uid": f"1.3.{n}"} for n in numbers],
        "media": [
            {**media, "id": key, "series_id": n, "sop_instance_uid": f"1.4.{key}", "file_name": f"{key}.dcm"}
            for n in numbers
            for key in range(n * images, (n + 1) * images)
        ],
        "annotation": [],
    }
    practice.files = {
        f"1.2.{row['series_id']}/{row['file_name']}": contents[row["id"] % _CONTENTS] for row in practice.rows["media"]
    }
    return practice


def measure(
    folder: Path, *, patients: int, images: int, width: int, height: int, share: float = _CHANGED, workers: int = 2
) -> Measured:
    """A night over everybody, then a top-up in which `share` of the patients have another name and one image more."""
    practice = practice_of(patients, images, width, height)
    _write_linked(folder / "source", practice.files)
    tiny = practice.build(folder, workers=workers)
    night = _spent(tiny)
    changed = max(1, round(patients * share))
    for number in range(1, patients + 1, patients // changed)[:changed]:
        practice.row("patient", number)["family_name"] = "Married"
        practice.add_image(0, number, f"1.2.{number}/more.dcm", dicom(1, width=width, height=height))
        practice.rows["media"][-1] |= {"id": patients * images + images + number, "sop_instance_uid": f"1.5.{number}"}
    practice.restage(tiny)
    return Measured(night, _spent(tiny), changed)


def _write_linked(store: Path, files: Mapping[str, bytes]) -> None:
    """Each content once, and links to it: a practice writes no file that is there already."""
    first: dict[bytes, Path] = {}
    for name, content in files.items():
        place = store / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if content in first:
            place.hardlink_to(first[content])
        else:
            place.write_bytes(content)
            first[content] = place


def _spent(tiny: Tiny) -> Spent:
    wall = time.monotonic()
    processor = sum(phase.measure(which, tiny.folder).cpu_seconds for which in (Phase.DRY_RUN, Phase.CONVERT))
    return Spent(time.monotonic() - wall, processor)


def main(arguments: list[str]) -> None:
    patients, images, width, height = (*map(int, arguments[:4]), *(5000, 10, 40, 30)[len(arguments[:4]) :])
    share = float(arguments[4]) if arguments[4:] else _CHANGED
    with tempfile.TemporaryDirectory(prefix="bitewing-top-up-") as folder:
        found = measure(
            Path(folder) / "practice", patients=patients, images=images, width=width, height=height, share=share
        )
    part = found.top_up.share_of(found.night)
    sys.stdout.write(
        f"{patients} patients with {images} images of {width}x{height}, {found.changed} changed\n"
        f"night   {found.night.wall:9.2f} s  {found.night.processor:9.2f} s of processor\n"
        f"top-up  {found.top_up.wall:9.2f} s  {found.top_up.processor:9.2f} s of processor\n"
        f"share   {part.wall:9.1%}    {part.processor:9.1%}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
