"""A process that ends once over a piece of work is an accident; one that ends twice is the work's doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.proof.work import asked
from engine.workers import WorkerDied, Workers
from tests.engine.test_workers import deadly, set_up

pytestmark = pytest.mark.usefixtures("real_workers")


def test_what_ends_its_process_once_is_asked_again_and_what_does_so_twice_is_known(tmp_path: Path) -> None:
    with Workers(1, deadly, set_up, (3,)) as worker:
        assert asked(worker, (3, str(tmp_path / "died"))) == 9
        with pytest.raises(WorkerDied):
            asked(worker, (3, None))
        assert asked(worker, (2, None)) == 6
