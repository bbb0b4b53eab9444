"""One small demo practice for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.world import World, build

SMALL = 6


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("world"), patients=SMALL)


@pytest.fixture(scope="session")
def source_store(world: World) -> Path:
    return world.folder / "practice" / "dexis11" / "data"
