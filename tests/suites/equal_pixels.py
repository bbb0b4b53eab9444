"""Checks that every image of a converted job has the pixels of its source. Shares no code with the engine.

    python tests/suites/equal_pixels.py JOBDIR

Pairs images by their UID through both databases. Source files are read with pydicom's own choice of decoder and with
Pillow, `.dex` files with `struct` from docs/modelled-dex.md. Prints one JSON object; exit 0 only if all are equal,
none is missing and none is too many.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import sqlalchemy
from PIL import Image

_SOURCE = """
SELECT media.sop_instance_uid AS uid, study.study_instance_uid AS study_uid, media.file_name AS file
FROM media, series, study, patient
WHERE media.series_id = series.id AND series.study_id = study.id AND study.patient_id = patient.id
  AND media.type = 'IMAGE' AND media.deleted = 0 AND patient.deleted = 0"""
_TARGET = "SELECT Image.UID AS uid, Image.VisualID AS visual_id, Image.SecurityHash AS hash FROM Image"


@dataclass(frozen=True)
class Pair:
    """One image: where it came from, and where it should be."""

    uid: str
    source: Path
    target_folder: Path
    target_stem: str


def main() -> int:
    job = Path(sys.argv[1]).resolve()
    settings = tomllib.loads((job / "job.toml").read_text())
    with server_of(job):
        source = _rows(settings["source"]["staging"], _SOURCE)
        target = _rows(settings["target"]["database"], _TARGET)
    result = compare(
        {row["uid"]: Path(settings["source"]["store"][0]) / row["study_uid"] / row["file"] for row in source},
        {row["uid"]: row["visual_id"] for row in target},
        Path(settings["target"]["store"]),
    )
    print(json.dumps(result, indent=2))
    return 0 if result["exact"] else 1


def compare(source: dict[str, Path], target: dict[str, int], store: Path) -> dict[str, object]:
    """Counts, and the UIDs that are not equal, lacking or too many."""
    there = {uid for uid, path in source.items() if path.exists() and path.stat().st_size}
    pairs = [_pair(uid, source[uid], target[uid], store) for uid in sorted(there & set(target))]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(_equal, pairs, chunksize=8))
    different = [pair.uid for pair, equal in zip(pairs, answers, strict=True) if not equal]
    lacking, extra = sorted(there - set(target)), sorted(set(target) - there)
    return {
        "images": len(pairs),
        "equal": len(pairs) - len(different),
        "different": different,
        "lacking": lacking,
        "extra": extra,
        "declared": len(source) - len(there),
        "exact": bool(pairs) and not (different or lacking or extra),
    }


def _pair(uid: str, source: Path, visual_id: int, store: Path) -> Pair:
    h = f"{visual_id:08x}"
    return Pair(uid, source, store / "Images" / (h[0] + h[4]) / (h[1] + h[5]) / (h[2] + h[6]), h)


def _equal(pair: Pair) -> bool:
    found = list(pair.target_folder.glob(f"{pair.target_stem}.*"))
    if len(found) != 1:
        return False
    before, after = pair.source.read_bytes(), found[0].read_bytes()
    if found[0].suffix == ".jpg":
        return before == after
    wanted, inverted = _source_pixels(before)
    if found[0].suffix == ".png":
        return not inverted and np.array_equal(np.asarray(Image.open(io.BytesIO(after))), wanted)
    pixels, low_is_white = _dex_pixels(after)
    return low_is_white == inverted and np.array_equal(pixels, wanted)


def _source_pixels(data: bytes) -> tuple[np.ndarray, bool]:
    if data[128:132] != b"DICM":
        return np.asarray(Image.open(io.BytesIO(data))), False
    dataset = pydicom.dcmread(io.BytesIO(data))
    return dataset.pixel_array, dataset.PhotometricInterpretation == "MONOCHROME1"


def _dex_pixels(data: bytes) -> tuple[np.ndarray, bool]:
    width, height = struct.unpack_from("<II", data, 12)
    samples, flags = struct.unpack_from("<BB", data, 22)
    (size,) = struct.unpack_from("<I", data, 64)
    whole = data[:4] == b"DEX1" and data[256 + size :] == b"1XED" and size == width * height * samples * 2
    if not whole:
        return np.empty(0), False
    shape = (height, width) if samples == 1 else (height, width, samples)
    return np.frombuffer(data, "<u2", offset=256, count=size // 2).reshape(shape), bool(flags & 1)


def _rows(url: str, query: str) -> list[dict[str, object]]:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(sqlalchemy.text(query)).mappings()]
    engine.dispose()
    return rows


@contextmanager
def server_of(job: Path) -> Iterator[None]:
    """A PostgreSQL that belongs to the job, running meanwhile."""
    folder = job / "postgresql"
    if not folder.exists():
        yield
        return
    from demo.server import Server

    server = Server(folder)
    try:
        yield
    finally:
        server.stop()


if __name__ == "__main__":
    raise SystemExit(main())
