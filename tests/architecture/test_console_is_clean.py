"""The console cannot hold a patient: loading it loads no engine and no imaging library. Proven in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FORBIDDEN = {"engine", "agent", "demo", "numpy", "PIL", "pydicom", "imagecodecs", "gdcm", "cv2"}
HEAVY = {"numpy", "PIL", "pydicom", "imagecodecs", "gdcm", "sqlalchemy"}

PROOF = """
import importlib, json, sys
for name in sys.argv[1:]: importlib.import_module(name)
print(json.dumps(sorted({module.partition(".")[0] for module in sys.modules})))
"""


def loaded_by(*modules: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROOF, *modules], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "module", ["console", "console.cli.main", "console.client", "console.hub.server", "console.tui.app"]
)
def test_the_console_loads_no_engine_and_no_imaging(module: str) -> None:
    assert not loaded_by(module) & FORBIDDEN


@pytest.mark.parametrize("module", ["agent", "agent.cli.main", "agent.supervisor"])
def test_the_idle_agent_loads_no_imaging_and_no_database(module: str) -> None:
    assert not loaded_by(module) & HEAVY


def test_the_protocol_stands_alone() -> None:
    others = {"engine", "agent", "console", "websockets", "asyncio"}
    assert not loaded_by("protocol.messages", "protocol.session") & others
