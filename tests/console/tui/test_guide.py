"""docs/console.md knows every key, refusal and alarm, in the console's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from console.tui.keys import KEYS, Where
from console.tui.words import ALARMS, BAD_EVIDENCE, REFUSALS

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "console.md").read_text(encoding="utf-8")


def key_rows() -> Iterator[str]:
    for key in KEYS:
        where = (
            "everywhere" if len(key.where) >= len(Where) - 1 else ", ".join(one for one in Where if one in key.where)
        )
        yield f"| `{key.shown}` | {where} | {key.meaning} |"


def refusal_rows() -> Iterator[str]:
    return (f"| `{code}` | {said.why} | {said.do} |" for code, said in REFUSALS.items())


def alarm_rows() -> Iterator[str]:
    return (f"| `{alarm}` | {said} |" for alarm, said in ALARMS.items())


def test_every_key_is_in_the_guide_with_its_meaning() -> None:
    assert [row for row in key_rows() if row not in GUIDE] == []


def test_every_refusal_is_in_the_guide_with_what_to_do() -> None:
    assert [row for row in refusal_rows() if row not in GUIDE] == []


def test_every_alarm_and_every_kind_of_bad_evidence_is_in_the_guide() -> None:
    assert [row for row in alarm_rows() if row not in GUIDE] == []
    assert [word for word in BAD_EVIDENCE.values() if word not in GUIDE] == []


def test_the_picture_refers_to_nothing_outside_itself() -> None:
    picture = (DOCS / "console.svg").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"')]+", picture)) == {"http://www.w3.org/2000/svg"}
    targets = re.findall(r"url\(([^)]*)\)", picture) + re.findall(r"href=\"([^\"]*)\"", picture)
    assert targets and all(target.startswith("#") for target in targets)
    assert "@import" not in picture and "DRY_RUN" in picture
