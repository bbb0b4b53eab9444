"""Every error that a person can meet says what to do next."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.decide import _refused
from protocol.vocabulary import Refusal

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocol", "engine", "agent", "console", "commandline")
ERRORS = {"Refused", "UsageProblem", "EnvironmentProblem", "Interrupted"}
# Nobody reads these: the hub sends a code instead, the ledger says that it was changed.
UNREAD = {
    "console/hub/ingest.py": 2,
    "console/hub/policy.py": 6,
    "console/hub/operators.py": 2,
    "engine/ledger.py": 1,
}


def _without_next_step() -> Iterator[str]:
    """The file of each error that is made without a next step."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (path.relative_to(ROOT).as_posix() for node in ast.walk(tree) if _says_nothing(node))


def _says_nothing(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS):
        return False
    return all(keyword.arg != "next_step" for keyword in node.keywords)


def test_every_error_that_a_person_can_meet_says_what_to_do_next() -> None:
    found = list(_without_next_step())
    assert {path: found.count(path) for path in found} == UNREAD


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refused_decision_says_why_and_what_to_do(refusal: Refusal) -> None:
    problem = _refused("the hub", refusal, "ALDER-7")
    assert problem.reason is refusal and refusal in problem.what and problem.next_step
