"""The short form of the crash matrix: one cell for each step and fault. `make faults` runs all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.failpoints import STEPS
from tests.faults.calls import START
from tests.faults.faults import FAULTS
from tests.faults.matrix import Cell, Stages
from tests.faults.practice import memory_folder, warm
from tests.faults.report import DOCUMENT, occurring
from tests.simulators.postgresql import serving

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    """With a PostgreSQL server of its own, whose processes are killed."""
    with pytest.MonkeyPatch.context() as patched, memory_folder() as folder, serving() as server:
        warm(patched.setitem)
        yield Stages(folder, server)


@pytest.fixture(scope="module")
def cells(stages: Stages) -> list[Cell]:
    return stages.cells(short=True)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_happens_at_any_step_it_ends_as_if_nothing_had(stages: Stages, cells: list[Cell], fault: str) -> None:
    mine = [cell for cell in cells if cell.fault == fault]
    assert mine
    assert [f"{cell}: {broken}" for cell in mine if (broken := stages.run(cell))] == []


def test_every_step_that_the_engine_names_has_its_cells(cells: list[Cell]) -> None:
    for fault in ("kill", "forget", "tear"):
        assert {cell.step for cell in cells if cell.fault == fault} == set(STEPS)
    assert START in {cell.step for cell in cells}


def test_the_document_shows_exactly_the_cells_that_occur(cells: list[Cell]) -> None:
    assert occurring(DOCUMENT.read_text(encoding="utf-8")) == {(cell.step, cell.fault) for cell in cells}
