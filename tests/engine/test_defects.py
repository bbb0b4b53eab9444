"""A defect of ours: told without data, written down where the sentence says."""

from __future__ import annotations

from pathlib import Path

from engine.defects import FILE, noted

SECRET = "Ana Ødegård"


def raised(text: str) -> KeyError:
    try:
        raise KeyError(text)
    except KeyError as error:
        return error


def test_the_sentence_says_whose_fault_it_is_and_where_the_details_are(tmp_path: Path) -> None:
    said = noted(raised(SECRET), tmp_path)
    assert "a defect in Bitewing" in said and "test_defects.py:" in said and FILE in said
    assert SECRET not in said
    assert SECRET in (tmp_path / FILE).read_text(encoding="utf-8")


def test_several_defects_of_a_night_are_kept_up_to_a_size(tmp_path: Path) -> None:
    for name in ("first", "second"):
        noted(raised(name), tmp_path)
    assert all(name in (tmp_path / FILE).read_text(encoding="utf-8") for name in ("first", "second"))
    (tmp_path / FILE).write_bytes(b"x" * (1 << 20))
    noted(raised("third"), tmp_path)
    assert (tmp_path / FILE).stat().st_size == 1 << 20


def test_where_nothing_can_be_written_the_sentence_is_said_all_the_same(tmp_path: Path) -> None:
    assert "a defect" in noted(raised(SECRET), tmp_path / "gone")
