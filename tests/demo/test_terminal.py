"""`--tui`: what a person who ends the demo is told is true of the folder it worked in."""

from __future__ import annotations

import asyncio
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from demo.firm import Firm
from demo.screen import Screen
from demo.terminal import decide_by_hand
from protocol.errors import Interrupted


@dataclass(frozen=True)
class Operator:
    name: str
    folder: Path


@dataclass(frozen=True)
class TwoPeople:
    """What of a firm is asked before the first key is pressed."""

    folder = Path("firm")
    operators = (Operator("one", Path("one")), Operator("two", Path("two")))
    passphrases = ("first", "second")


@pytest.mark.parametrize(("kept", "told"), [(True, "the same command resumes"), (False, "begins anew; with --keep")])
def test_q_says_whether_the_same_command_can_resume(monkeypatch: pytest.MonkeyPatch, kept: bool, told: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("q\n"))

    async def at_the_keyboard() -> None:
        with Screen() as screen:
            await decide_by_hand(cast(Firm, TwoPeople()), "DEMO-1", screen, asyncio.Event(), kept=kept)

    with pytest.raises(Interrupted) as ended:
        asyncio.run(at_the_keyboard())
    assert told in ended.value.next_step
