"""Approving and rejecting, from the key pressed to the agent's word."""

from __future__ import annotations

import msgspec
import pytest
from textual.widgets import Input

from console.tui.screens.decide import DecideScreen
from console.tui.screens.gate import GateScreen
from console.tui.words import REFUSALS
from console.wire import Changed, OperatorView
from protocol.errors import EnvironmentProblem
from protocol.signed import is_statement_signed
from protocol.statements import statement_digest
from protocol.vocabulary import DecisionVerdict, Gate, GateState, Refusal, Role
from tests.console.tui.world import (
    ME,
    MINE,
    NOW,
    PASSPHRASE,
    FakeHub,
    StillApp,
    approval,
    dialog_text,
    fleet,
    gate_of,
    practice,
    screen_text,
    settle,
    show,
    type_text,
    waiting,
)

NARROW = (80, 24)
TALL = (100, 70)
"""The whole gate at once, in one column."""


async def decide(pilot, hub: FakeHub, code: str, passphrase: str, key: str = "a") -> None:
    """From the fleet to the gate, and through the dialog."""
    await show(pilot, hub, keys=("enter", "enter", key))
    await type_text(pilot, code)
    await pilot.press("enter")
    await type_text(pilot, passphrase)
    await pilot.press("enter")
    await settle(pilot)


async def test_an_approval_is_signed_sent_and_green_only_after_the_agents_word() -> None:
    hub, view = FakeHub(), waiting()
    app = StillApp(hub)
    async with app.run_test(size=TALL) as pilot:
        await show(pilot, hub, fleet(view))
        await decide(pilot, hub, "alder-7", PASSPHRASE)
        (signed,) = hub.sent
        decision = signed.decision
        assert (decision.gate, decision.verdict) == (Gate.DRY_RUN, DecisionVerdict.APPROVE)
        assert decision.evidence == view.gates[2].evidence_digest and decision.practice == view.id
        assert is_statement_signed(decision, signed.signature, MINE.public_key().public_bytes_raw().hex())
        assert "… Ada (you): approve · sent 01:12:00 · waits for the hub" in screen_text(app)
        assert "✓ Ada" not in screen_text(app)
        mine = approval(ME, statement_digest(decision), applied_at=None, submitted_at=NOW)
        await show(pilot, hub, Changed(waiting(1, "ALDER-7", mine)))
        assert "with the agent since" in screen_text(app) and "✓ Ada" not in screen_text(app)
        mine = msgspec.structs.replace(mine, applied_at=NOW + 1, ledger=18)
        await show(pilot, hub, Changed(waiting(1, "ALDER-7", mine)))
        text = screen_text(app)
        assert "✓ Ada (you): approve · sent 01:12:00 · stored by the hub 01:12:00" in text and "(ledger #18)" in text
        assert "1 of 2 approvals" in text and "Another approver must read and decide" in text


async def test_on_a_small_screen_the_decision_just_sent_stays_in_sight() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(waiting(1, "ALDER-7", approval())))
        await decide(pilot, hub, "ALDER-7", PASSPHRASE)
        mine = approval(ME, statement_digest(hub.sent[0].decision))
        await show(pilot, hub, Changed(waiting(1, "ALDER-7", approval(), mine)))
        await settle(pilot)
        assert "✓ Ada (you): approve" in screen_text(app) and "New evidence voids" in screen_text(app)
        await show(pilot, hub, keys=("home",))
        await show(pilot, hub, Changed(waiting(1, "ALDER-7", approval(), mine)))
        assert "DRY_RUN is waiting" in screen_text(app)


async def test_a_rejection_goes_the_same_way() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(waiting()))
        await decide(pilot, hub, "ALDER-7", PASSPHRASE, key="r")
        assert [one.decision.verdict for one in hub.sent] == [DecisionVerdict.REJECT]


@pytest.mark.parametrize(
    ("code", "passphrase", "told"),
    [
        ("ALDER-8", PASSPHRASE, "That is not the code of this practice: it is ALDER-7. Nothing was sent."),
        ("", PASSPHRASE, "That is not the code of this practice"),
        ("ALDER-7", "correct house", "The passphrase does not open this key. Nothing was sent."),
        ("ALDER-7", "", "Type your passphrase. Nothing was sent."),
    ],
)
async def test_a_wrong_code_or_passphrase_sends_nothing_and_says_so(code: str, passphrase: str, told: str) -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(waiting()))
        await decide(pilot, hub, code, passphrase)
        assert hub.sent == [] and isinstance(app.screen, DecideScreen)
        assert told in dialog_text(app)
        assert app.screen.query_one("#passphrase", Input).value == ""
        await show(pilot, hub, keys=("escape",))
        assert hub.sent == [] and isinstance(app.screen, GateScreen)


async def test_the_passphrase_is_never_on_the_screen() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(waiting()), keys=("enter", "enter", "a"))
        await type_text(pilot, "ALDER-7")
        await pilot.press("enter")
        await type_text(pilot, PASSPHRASE)
        await settle(pilot)
        assert "ALDER-7" in screen_text(app) and "correct" not in screen_text(app)


async def test_evidence_that_changes_behind_the_dialog_is_not_approved_by_it() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(waiting()), keys=("enter", "enter", "a"))
        newer = msgspec.structs.replace(
            waiting(), gates=(gate_of(f"{1:032x}", Gate.DRY_RUN, GateState.WAITING, failed=True),)
        )
        await show(pilot, hub, Changed(newer))
        await type_text(pilot, "ALDER-7")
        await pilot.press("enter")
        await type_text(pilot, PASSPHRASE)
        await pilot.press("enter")
        await settle(pilot)
        assert hub.sent == [] and "New evidence arrived meanwhile" in dialog_text(app)


async def test_what_the_hub_refuses_is_told_with_what_to_do() -> None:
    hub = FakeHub(refusal=Refusal.WRONG_POLICY)
    app = StillApp(hub)
    async with app.run_test(size=TALL) as pilot:
        await show(pilot, hub, fleet(waiting()))
        await decide(pilot, hub, "ALDER-7", PASSPHRASE)
        text = screen_text(app)
        assert "✗ Ada (you): approve" in text and REFUSALS[Refusal.WRONG_POLICY].why in text and "✓ Ada" not in text


async def test_a_hub_that_cannot_be_reached_is_told() -> None:
    hub = FakeHub(problem=EnvironmentProblem("the hub cannot be reached"))
    app = StillApp(hub)
    async with app.run_test(size=TALL) as pilot:
        await show(pilot, hub, fleet(waiting()))
        await decide(pilot, hub, "ALDER-7", PASSPHRASE)
        assert "the hub cannot be reached; try again" in screen_text(app)


async def test_evidence_that_does_not_pass_cannot_be_approved() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    failed = practice(1, "ALDER-7", (gate_of(f"{1:032x}", Gate.STAGED, GateState.WAITING, failed=True),))
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(failed), keys=("enter", "enter", "a"))
        assert isinstance(app.screen, GateScreen) and "cannot be approved" in screen_text(app)
        assert "✗ tables restored from the backup" in screen_text(app)


@pytest.mark.attack
async def test_a_viewer_cannot_open_the_dialog_whatever_their_folder_says() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    viewer = msgspec.structs.replace(fleet(waiting()), operators=(OperatorView(ME, "Ada", Role.VIEWER),))
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, viewer, keys=("enter", "enter", "a"))
        assert isinstance(app.screen, GateScreen) and "Your role only looks" in screen_text(app)
