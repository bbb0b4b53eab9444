"""The protocol is cheap to load and touches nothing: no I/O, no clock, no entropy, no heavy library until one signs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import protocol

MODULES = sorted(Path(str(protocol.__file__)).parent.glob("*.py"))
HEAVY = ("securesystemslib", "cryptography", "asyncio", "socket", "ssl", "sqlite3", "websockets")
IMPURE = {"os", "io", "time", "datetime", "random", "secrets", "uuid", "pathlib", "socket", "logging", "threading"}


@pytest.mark.parametrize("module", ["protocol.statements", "protocol.session", "protocol.enrolment"])
def test_loading_the_protocol_loads_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_of_the_protocol_reaches_for_the_outside_world(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not {name.split(".")[0] for name in imported} & IMPURE
    assert not called & {"open", "print", "input", "eval", "exec"}
