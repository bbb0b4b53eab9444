"""docs/modelled-dex.md, from which the demo's vendor was written, is the layout that the profile gives the engine."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path

from engine.profiles.load import load_target

PAGE = Path(__file__).parents[2] / "docs" / "modelled-dex.md"
SIZES = {"uint8": 1, "uint16": 2, "uint32": 4, "int32": 4, "float64": 8, "filetime": 8}
_ROW = re.compile(r"^\| (\d+) \| (\d+) \|", re.MULTILINE)


def test_every_field_stands_where_the_page_says() -> None:
    header = load_target("dexis10").native.header
    sizes = [field.size or SIZES[field.type] for field in header]
    layout = list(zip(accumulate([0, *sizes[:-1]]), sizes, strict=True))
    page = [(int(offset), int(size)) for offset, size in _ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert page == layout


def test_the_page_names_the_fields_in_the_profiles_order() -> None:
    rows = re.findall(r"^\| \d+ \| \d+ \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = [row.strip().replace(" ", "_").replace("centre", "center") for row in rows]
    assert named == [field.name for field in load_target("dexis10").native.header]
