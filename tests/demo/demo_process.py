"""Runs bitewing-demo as people do, and looks at what it left."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

MOST_SECONDS = 280


@dataclass(frozen=True)
class Ended:
    """How a demo ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one object on stdout."""
        return json.loads(self.out)


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo.cli", "--keep", str(folder), "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=MOST_SECONDS)
    return Ended(process.returncode, out, err)


def run(folder: Path, *options: str) -> Ended:
    return finish(start(folder, *options))


def processes_of(folder: Path, *words: str) -> Iterator[psutil.Process]:
    """Processes of ours that work in `folder`, whose command line holds all of `words`."""
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        named = any(word == str(folder) or word.startswith(f"{folder}/") for word in line)
        if named and all(word in line for word in words):
            yield process


def event_numbers(folder: Path) -> list[int]:
    """The numbers of all events that the hub holds, in the order in which it stored them."""
    with sqlite3.connect(folder / "firm" / "hub.db") as connection:
        return [number for (number,) in connection.execute("SELECT seq FROM events ORDER BY rowid")]
