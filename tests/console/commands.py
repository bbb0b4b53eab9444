"""The real commands as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.console.firm import PASSPHRASE, ROOT_PASSPHRASE

ENVIRONMENT = {**os.environ, "BITEWING_ROOT_PASSPHRASE": ROOT_PASSPHRASE, "BITEWING_PASSPHRASE": PASSPHRASE}
COMMAND = (sys.executable, "-m", "console.cli.main")


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    arguments = [*COMMAND, *(str(word) for word in words)]
    env = {**ENVIRONMENT, **environment}
    return subprocess.run(
        arguments, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, check=False, timeout=120
    )


def answer(*words: str | Path) -> dict[str, Any]:
    """The one JSON object of a command that must pass."""
    done = run("--json", *words)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    document: dict[str, Any] = json.loads(line)
    return document


@contextmanager
def serving(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A hub process that listens; killed (-9) at the end unless the test has done so."""
    hub = subprocess.Popen([*COMMAND, "--home", str(home), "serve", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        assert hub.stdout is not None and json.loads(hub.stdout.readline())["ready"] is True
        yield hub
    finally:
        hub.kill()
        hub.wait()
