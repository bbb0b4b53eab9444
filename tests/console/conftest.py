"""A firm of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.firm import Firm, found


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    """A hub's folder with an empty store."""
    return found(tmp_path)
