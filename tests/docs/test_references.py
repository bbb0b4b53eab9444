"""What the documents say is what the code says, and what they point at is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.advice import ADVICE
from protocol.vocabulary import ExitCode, FindingCode
from tests.docs import commands, findings

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]+)(#[^)\s]*)?\)")


def documents() -> Iterator[Path]:
    """Every Markdown file of the project."""
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")


@pytest.mark.parametrize("reference", [commands, findings], ids=lambda module: module.REFERENCE.name)
def test_a_reference_is_in_step_with_the_code(reference: object) -> None:
    assert reference.REFERENCE.read_text(encoding="utf-8") == reference.reference(), (  # type: ignore[attr-defined]
        f"run `python -m {reference.__name__}`, which rewrites it"  # type: ignore[attr-defined]
    )


def test_every_finding_has_advice_and_a_line_in_the_reference() -> None:
    text = findings.REFERENCE.read_text(encoding="utf-8")
    assert set(ADVICE) == set(FindingCode)
    assert [code for code in FindingCode if text.count(f"| `{code}` |") != 1] == []


def test_the_readme_says_how_every_command_can_end() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    listed = re.search(r"ends with (.*?environment)\.", text)
    assert listed and [int(number) for number in re.findall(r"\b\d\b", listed[1])] == list(ExitCode)


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    targets = [match[1] for match in _LINK.finditer(path.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_shows_exists(path: Path) -> None:
    known = {app.info.name: {words for words, _ in commands.verbs(commands.command_of(app))} for app in commands.APPS}
    shown = re.findall(r"`(bitewing-(?:engine|agent|console))((?: [^`]*)?)`", path.read_text(encoding="utf-8"))
    assert [(name, words) for name, words in shown if not _names_a_verb(words, known[name])] == []


def _names_a_verb(words: str, verbs: set[str]) -> bool:
    """Whether the words are none, options only, or begin with a verb once options and their values are taken away."""
    bare = re.sub(r"--(?:job|home) \S+|--\S+|\.\.\.", "", words).split()
    return not bare or bare[0].isupper() or " ".join(bare[:1]) in verbs or " ".join(bare[:2]) in verbs
