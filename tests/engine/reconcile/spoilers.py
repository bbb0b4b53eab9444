"""All ways to spoil a target, of files and of rows."""

from __future__ import annotations

from tests.engine.reconcile import spoilers_of_files, spoilers_of_rows
from tests.engine.reconcile.spoiler import SPOILERS, Spoiler

__all__ = ["SPOILERS", "Spoiler", "spoilers_of_files", "spoilers_of_rows"]
