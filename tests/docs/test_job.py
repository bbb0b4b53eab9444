"""docs/job.md names every key that job.toml may have, required or not, with its default, and no other."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields
from datetime import time
from enum import Enum
from pathlib import Path

import pytest

from engine.settings import RunSettings, read_settings
from engine.toml.document import Table
from tests.docs.test_references import ROOT

FULL = """\
[source]
profile = "dexis11"
snapshot = { kind = "sqlite-file", path = "backup" }
staging = "sqlite:///staging"
store = ["store"]
[target]
profile = "dexis10"
database = "sqlite:///target"
store = "target"
[samples]
database = "sqlite:///samples"
store = "samples"
[run]
"""


def documented() -> dict[str, dict[str, str]]:
    """Table of job.toml to key to the default that the document names; empty for a key that must be there."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in (ROOT / "docs" / "job.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## \[([a-z.]+)\]", line):
            section = heading[1]
        elif line.startswith("## "):
            section = ""
        elif section and (row := re.match(r"\| `(\w+)` \|[^|]*\|([^|]*)\|", line)):
            found.setdefault(section, {})[row[1]] = row[2].strip().strip("`")
    return found


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[set[str], set[str]]]:
    """Table of job.toml to its required and optional keys, as the code that reads it asks for them."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    only = Table.only

    def noted(table: Table, required: Collection[str], optional: Collection[str] = ()) -> Table:
        found[".".join(map(str, table.path))] = (set(required), set(optional))
        return only(table, required, optional)

    monkeypatch.setattr(Table, "only", noted)
    (tmp_path / "job.toml").write_text(FULL, encoding="utf-8")
    read_settings(tmp_path)
    del found[""]
    return found


def test_every_key_is_documented_and_no_other(asked: dict[str, tuple[set[str], set[str]]]) -> None:
    assert {name: set(keys) for name, keys in documented().items()} == {
        name: required | optional for name, (required, optional) in asked.items()
    }


def test_a_default_is_named_where_a_key_may_be_left_out(asked: dict[str, tuple[set[str], set[str]]]) -> None:
    for name, keys in documented().items():
        assert {key for key, default in keys.items() if default} == asked[name][1], name


def test_the_defaults_of_a_run_are_those_of_the_code() -> None:
    usual = RunSettings()
    assert documented()["run"] == {field.name: _text(getattr(usual, field.name)) for field in fields(usual)}


def _text(value: int | time | Enum | None) -> str:
    return "none" if value is None else str(value.value if isinstance(value, Enum) else value)
