"""The miniature vendor writes what docs/modelled-dex.md says, read here with the page's own table."""

from __future__ import annotations

import ast
import re
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.vendor import dexfile
from demo.vendor.dexfile import DexDisplay, DexImage, DexTable, dex_bytes, security_hash
from demo.world import World

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "modelled-dex.md").read_text()
_FIELDS = {
    name: (int(at), int(size)) for at, size, name in re.findall(r"^\| (\d+) \| (\d+) \| ([a-z ]+) \|", _PAGE, re.M)
}
_TINY = DexImage(7, 2, 1, 16, 12, 1, True, None, None, "Ng^Li", b"\x01\x00\xff\x0f")


def _field(data: bytes, name: str) -> bytes:
    at, size = _FIELDS[name]
    return data[at : at + size]


def _number(data: bytes, name: str) -> int:
    return int.from_bytes(_field(data, name), "little")


def _dex_rows(world: World) -> Iterator[tuple[bytes, sqlite3.Row]]:
    samples = world.folder / "practice" / "samples"
    with sqlite3.connect(samples / "DEXIS.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "SELECT * FROM Image JOIN Visual USING (VisualID) JOIN ActivityLog ON ItemID = VisualID "
            "JOIN Series USING (SeriesID) JOIN Study USING (StudyRecordID) JOIN PersonName ON PersonID = PatientID"
        ).fetchall()
    for row in rows:
        yield (samples / row["Filename"]).read_bytes(), row


def test_the_page_describes_a_header_without_gaps() -> None:
    end = 0
    for at, size in _FIELDS.values():
        assert at == end
        end = at + size
    assert end == 256


def test_there_are_enough_samples_of_every_category(world: World) -> None:
    categories = Counter(row["ImageCategory"] for _, row in _dex_rows(world))
    assert sum(categories.values()) == 30 and set(categories) == {1, 2, 3, 4, 5}


def test_every_field_of_every_sample_says_what_its_row_says(world: World) -> None:
    samples = [(data, row) for data, row in _dex_rows(world) if row["Filename"].endswith(".dex")]
    assert len(samples) >= 20
    for data, row in samples:
        since = datetime.fromisoformat(row["AcquiredDate"]) - datetime.fromisoformat("1601-01-01")
        assert (_field(data, "magic"), data[-4:], _number(data, "header size")) == (b"DEX1", b"1XED", 256)
        assert _number(data, "visual id") == row["VisualID"]
        assert _number(data, "acquired at") == since // timedelta(microseconds=1) * 10
        assert _field(data, "integrity") == row["SecurityHash"]
        assert _field(data, "person").strip(b"\0").decode() == f"{row['FamilyName']}^{row['GivenName']}"
        assert not any(_field(data, "reserved"))
        area = _number(data, "width") * _number(data, "height") * _number(data, "samples")
        assert _number(data, "payload size") == area * 2 == len(data) - 260


def test_the_integrity_of_every_sample_is_recomputed_from_its_pixels(world: World) -> None:
    for data, row in _dex_rows(world):
        if row["Filename"].endswith(".jpg"):
            covered = data
        elif row["Filename"].endswith(".png"):
            with Image.open(world.folder / "practice" / "samples" / row["Filename"]) as image:
                covered = image.tobytes()
        else:
            pixels = np.frombuffer(data[256:-4], "<u2")
            covered = pixels.tobytes() if _number(data, "samples") == 1 else pixels.astype("u1").tobytes()
        assert md5(covered, usedforsecurity=False).digest() == row["SecurityHash"]


def test_paths_follow_the_published_rule(world: World) -> None:
    for _, row in _dex_rows(world):
        h = f"{row['VisualID']:08x}"
        assert row["Filename"].startswith(f"Images/{h[0]}{h[4]}/{h[1]}{h[5]}/{h[2]}{h[6]}/{h}.")


@pytest.mark.parametrize("name", ["Μ" * 65, "a" * 130, "a" * 129 + "é", "漢" * 60])
def test_a_long_name_is_cut_after_a_whole_letter(name: str) -> None:
    person = _field(dex_bytes(replace(_TINY, person=name)), "person")
    assert person[0] == 0 and person[-1] == 0
    assert name.startswith(person.strip(b"\0").decode())
    assert len(person.strip(b"\0")) >= 127


def test_grey_values_white_flag_and_unknown_time_are_written_as_described() -> None:
    data = dex_bytes(_TINY)
    assert _number(data, "flags") == 1 and _number(data, "acquired at") == 0
    assert data[256:-4] == _TINY.values
    assert security_hash(_TINY) == md5(_TINY.values, usedforsecurity=False).digest()


def test_the_vendor_shares_no_code_with_the_engine() -> None:
    for path in Path(dexfile.__file__).parent.glob("*.py"):
        assert not {name.split(".")[0] for name in _imported(path)} & {"engine", "construct", "pydicom"}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_how_to_show_a_picture_stands_behind_its_pixels_as_the_page_says() -> None:
    table = DexTable(-3, 12, "é", (1, 4095))
    display = DexDisplay((2.0, -7.5), (0.1, 0.2), ((1.0, 2.0, "LINEAR", "é"),), None, table)
    data = dex_bytes(replace(_TINY, display=display))
    assert _number(data, "flags") == 1 | 8 | 16 | 32 | 64
    behind = data[256 + len(_TINY.values) : -4]
    assert behind[:32] == struct.pack("<4d", 2.0, -7.5, 0.1, 0.2)
    assert behind[32:51] == struct.pack("<H", 17) + "1.0\\2.0\\LINEAR\\é".encode()
    assert behind[51:63] == bytes(12)
    assert behind[63:] == struct.pack("<iHH", -3, 12, 2) + "é".encode() + struct.pack("<I2H", 2, 1, 4095)
