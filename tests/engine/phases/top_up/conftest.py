"""The practice after its first night."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engine.phases.top_up.nights import four_patients, night_of
from tests.engine.tiny import Tiny, TinyPractice


@pytest.fixture
def practice() -> TinyPractice:
    """The practice as it is in the first night, with a fourth patient, so that somebody can stay as they are."""
    return four_patients()


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "practice"
    night_of(four_patients().build(folder))
    return folder


@pytest.fixture
def converted(first_night: Path, tmp_path: Path) -> Tiny:
    shutil.copytree(first_night, tmp_path / "practice", copy_function=shutil.copy2)
    return Tiny(tmp_path / "practice" / "job")
