"""A process that ends once over a piece of work is an accident; twice, the work's doing; without any, the machine's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.proof.work import asked
from engine.running.workers import WorkerDied, Workers
from protocol.errors import EnvironmentProblem
from tests.engine.running.test_workers import deadly, set_up

pytestmark = pytest.mark.usefixtures("real_workers")


def test_what_ends_its_process_once_is_asked_again_and_what_does_so_twice_is_known(tmp_path: Path) -> None:
    with Workers(1, deadly, set_up, (3,)) as worker:
        assert asked(worker, (3, str(tmp_path / "died"))) == 9
        with pytest.raises(WorkerDied):
            asked(worker, (3, None))
        assert asked(worker, (2, None)) == 6


def ends(_: int) -> None:
    os._exit(11)


def test_no_file_is_blamed_for_a_process_that_cannot_even_begin() -> None:
    with Workers(1, deadly, ends, (3,)) as worker, pytest.raises(EnvironmentProblem, match="before it looks into any"):
        asked(worker, (2, None))
