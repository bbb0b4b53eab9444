"""A backup is known by the names and bytes of its files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from engine.source.snapshot.backup import backup_digest


def _folder(place: Path, **files: bytes) -> Path:
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


def test_a_file_under_another_name_makes_another_backup(tmp_path: Path) -> None:
    one = backup_digest(_folder(tmp_path / "one", a=b"first", b=b"second"))
    assert backup_digest(_folder(tmp_path / "same", a=b"first", b=b"second")) == one
    assert backup_digest(_folder(tmp_path / "other", a=b"first", c=b"second")) != one


def test_the_order_in_which_the_system_lists_the_files_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _folder(tmp_path / "backup", a=b"first", b=b"second")
    found, listed = set[str](), Path.rglob
    for backwards in (False, True):
        in_order = partial(sorted, reverse=backwards)
        monkeypatch.setattr(Path, "rglob", lambda place, pattern, order=in_order: order(listed(place, pattern)))
        found.add(backup_digest(folder))
    assert len(found) == 1
