"""docs/crash-matrix.md speaks of the steps and faults that the code has, and of a run in which every cell passed."""

from __future__ import annotations

import re
from collections import Counter

from tests.faults import report


def _figures(text: str) -> list[tuple[int, int]]:
    return [(int(kept), int(cells)) for kept, cells in re.findall(r"\b(\d+)/(\d+)\b", text)]


def test_the_document_is_in_step_with_the_code() -> None:
    empty = report.document(report.Tally(Counter(), Counter()))
    text = report.DOCUMENT.read_text(encoding="utf-8")
    assert report.without_figures(text) == report.without_figures(empty), "run `make faults`, which writes it"


def test_the_run_it_shows_passed_whole_and_adds_up() -> None:
    (passed, total), *cells = _figures(report.DOCUMENT.read_text(encoding="utf-8"))
    assert passed == total == sum(kept for kept, _ in cells) == sum(many for _, many in cells)
    assert total > 1000
