"""The screens as a person drives them, with a hub that only remembers."""

from __future__ import annotations

import msgspec
import pytest

from console.client import LinkLost
from console.tui.keys import KEYS, Where, keys_of
from console.tui.pages import gate as gate_page
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.gate import GateScreen
from console.tui.screens.help import HelpScreen
from console.tui.screens.practice import PracticeScreen
from console.tui.themes import THEMES
from console.wire import Changed, OperatorView, Verb
from protocol.errors import Refused
from protocol.vocabulary import Gate, Refusal, Role
from tests.console.tui.world import (
    ME,
    NOW,
    OTHER,
    FakeHub,
    StillApp,
    approval,
    dialog_text,
    fleet,
    night,
    opened,
    practice,
    running,
    screen_lines,
    screen_text,
    settle,
    show,
    type_text,
    waiting,
)

NARROW = (80, 24)
TALL = (100, 70)
"""The whole gate at once, in one column."""


async def test_the_fleet_shows_what_needs_me_first_and_says_what_to_do() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night())
        rows = [line for line in screen_lines(app) if line[1:4] in ("! M", "✗ C", "✗ E", "▸ B")]
        assert [row[3:10].strip() for row in rows] == ["MAPLE-2", "CEDAR-1", "ELM-9", "BIRCH-4"]
        text = screen_text(app)
        assert "MAPLE-2 needs your decision" in text and "1 needs you · 2 in trouble · 1 running · 2 quiet" in text


async def test_a_wide_terminal_shows_every_column_at_once() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=(160, 50)) as pilot:
        await show(pilot, hub, night())
        assert "Practice Phase Gate Approved Progress img/s Finish Opens Heard Why" in screen_text(app)
        assert "58 03:50 ±9 min 07:30 4 s running" in screen_text(app)


async def test_filters_and_orders_answer_to_their_keys() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night(), keys=("f",))
        assert "ONLY faults" in screen_text(app) and "BIRCH-4" not in screen_text(app)
        await show(pilot, hub, keys=("f", "n"))
        assert "ONLY what needs me" in screen_text(app) and "CEDAR-1" not in screen_text(app)
        await show(pilot, hub, keys=("n", "s"))
        assert "sorted by code" in screen_text(app)
        await show(pilot, hub, keys=("slash",))
        await type_text(pilot, "elm q")
        await settle(pilot)
        assert "No practice passes the filters" in screen_text(app)
        await show(pilot, hub, keys=("backspace", "backspace", "enter"))
        assert "ELM-9" in screen_text(app) and "BIRCH-4" not in screen_text(app)
        await show(pilot, hub, keys=("escape",))
        assert "BIRCH-4" in screen_text(app)


async def test_the_mark_stays_on_its_practice_when_rows_move() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night(), keys=("down", "down"))
        assert "ELM-9: The agent has been silent" in screen_text(app)
        calm = msgspec.structs.replace(night().practices[3], last_heard=NOW)
        await show(pilot, hub, Changed(calm))
        assert "ELM-9: Running" in screen_text(app)


async def test_enter_goes_down_and_escape_comes_back() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night(), keys=("enter",))
        assert isinstance(app.screen, PracticeScreen)
        await show(pilot, hub, keys=("enter",))
        assert isinstance(app.screen, GateScreen) and "DRY_RUN is waiting, 1 of 2 approvals" in screen_text(app)
        await show(pilot, hub, keys=("left",))
        assert "PROFILE_PROVEN is open" in screen_text(app)
        await show(pilot, hub, keys=("right", "right", "right", "right"))
        assert "RECONCILED is closed" in screen_text(app)
        await show(pilot, hub, keys=("question_mark", "question_mark"))
        assert isinstance(app.screen, HelpScreen)
        await show(pilot, hub, keys=("escape", "escape", "escape", "escape"))
        assert isinstance(app.screen, FleetScreen)


async def test_a_click_marks_a_row_and_another_opens_it() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night())
        await pilot.click("#fleet", offset=(5, 3))
        await settle(pilot)
        assert "ELM-9: The agent" in screen_text(app)
        await pilot.click("#fleet", offset=(5, 3))
        await settle(pilot)
        assert isinstance(app.screen, PracticeScreen) and "› ELM-9" in screen_lines(app)[0]


async def test_without_the_hub_the_screen_stays_readable_and_says_how_old_it_is() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night(), LinkLost(12.0))
        app.clock.now += 180
        await settle(pilot)
        text = screen_text(app)
        assert "No connection to the hub" in text and "What you see is from 01:12:00, 3 min ago" in text
        assert "NOT CONNECTED" in text and "MAPLE-2" in text
        await show(pilot, hub, keys=("enter", "enter", "a"))
        assert isinstance(app.screen, GateScreen) and "nothing can be sent" in screen_text(app)
        await show(pilot, hub, night())
        assert "No connection" not in screen_text(app) and "hub connected" in screen_text(app)


async def test_connecting_and_an_empty_fleet_are_told_apart() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        assert "Connecting to the hub" in screen_text(app)
        await show(pilot, hub, fleet(), keys=("enter",))
        assert "The hub knows no practice yet" in screen_text(app) and isinstance(app.screen, FleetScreen)


async def test_a_connection_that_cannot_come_back_says_why_and_what_to_do() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        problem = Refused(Refusal.OPERATOR_UNKNOWN, "the hub refused this operator", next_step="ask an admin")
        await show(pilot, hub, night(), problem)
        assert "No connection: the hub refused this operator. Next: ask an admin." in screen_text(app)
        assert "MAPLE-2" in screen_text(app)


async def test_only_an_admin_pauses_and_only_after_yes() -> None:
    hub, view = FakeHub(), practice(1, "ALDER-7", opened(1, Gate.STAGED), progress=running())
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, fleet(view), keys=("enter", "p"))
        assert "Pause ALDER-7?" in dialog_text(app)
        await show(pilot, hub, keys=("n",))
        assert hub.commands == []
        await show(pilot, hub, keys=("p", "y"))
        assert hub.commands == [(view.id, Verb.PAUSE)]
        assert "Pause asked 01:12:00, stored by the hub, waits for the agent" in screen_text(app)
        await show(pilot, hub, Changed(msgspec.structs.replace(view, paused=True)), keys=("r", "y"))
        assert hub.commands[-1] == (view.id, Verb.RESUME)
    approver = StillApp(hub)
    async with approver.run_test(size=NARROW) as pilot:
        seen = msgspec.structs.replace(fleet(view), operators=(OperatorView(ME, "Ada", Role.APPROVER),))
        await show(pilot, hub, seen, keys=("enter", "p"))
        assert "Only an admin" in screen_text(approver) and len(hub.commands) == 2


@pytest.mark.attack
async def test_text_from_the_wire_is_never_markup() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    evil = "[red]B[/red] [@click=app.quit]x[/]"
    people = (OperatorView(ME, "Ada", Role.ADMIN), OperatorView(OTHER, evil, Role.APPROVER))
    view = msgspec.structs.replace(waiting(1, "ALDER-7", approval()), code="[b]X[/b]")
    async with app.run_test(size=TALL) as pilot:
        await show(pilot, hub, msgspec.structs.replace(fleet(view), operators=people))
        assert "[b]X[/b]" in screen_text(app)
        await show(pilot, hub, keys=("enter", "enter"))
        assert evil in screen_text(app) and "› [b]X[/b] › DRY_RUN" in screen_lines(app)[0]
        await show(pilot, hub, keys=("a",))
        assert "Approve DRY_RUN of [b]X[/b]" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 50)])
async def test_nothing_is_cut_or_covered_on_any_screen(size: tuple[int, int]) -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=size) as pilot:
        await show(pilot, hub, night())
        _assert_whole(app)
        for key in ("enter", "enter", "question_mark"):
            await show(pilot, hub, keys=(key,))
            _assert_whole(app)
        await show(pilot, hub, LinkLost(5.0), keys=("escape", "escape"))
        _assert_whole(app)


def _assert_whole(app: StillApp) -> None:
    """Every frame line fits, every key is there, and the page's lines are the very ones that were built."""
    screen, lines = app.screen, screen_lines(app)
    assert isinstance(screen, ConsoleScreen)
    text = screen_text(app)
    assert all(f"{key.shown} {key.label}" in text for key in keys_of(screen.WHERE))
    assert "…" not in text.replace("… ", "")
    for widget in screen.query("Hint, Banner, Title"):
        assert not widget.display or " ".join(str(widget.render()).split()) in text
    if isinstance(screen, GateScreen):
        subject = screen.subject()
        assert subject is not None
        built = gate_page.gate_lines(subject, screen.query_one("Page").scrollable_content_region.width)
        wanted = ["".join(part for part, _ in one).rstrip() for one in built]
        shown = [line[1:].rstrip(" ▁▂▃▄▅▆▇█") for line in lines]
        first = shown.index(wanted[0])
        height = min(len(wanted), screen.query_one("Page").size.height)
        assert shown[first : first + height] == wanted[:height]


async def test_two_thousand_practices_draw_no_more_lines_than_the_screen_has() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    many = fleet(*(practice(number, f"P{number}", progress=running()) for number in range(1, 2_001)))
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, many, keys=("end",))
        assert "P999:" in screen_text(app) or "P2000:" in screen_text(app)
        table = app.screen.query_one("#fleet")
        asked: list[int] = []
        table._rows = type(table._rows)(
            table._rows.heads, table._rows.keys, _counted(table._rows.cells, asked), table._rows.tone
        )
        table.refresh()
        await pilot.pause()
        assert 0 < len(set(asked)) <= table.size.height


def _counted(cells, asked: list[int]):
    def counted(index: int):
        asked.append(index)
        return cells(index)

    return counted


async def test_every_theme_shows_the_same_words() -> None:
    hub = FakeHub()
    app = StillApp(hub)
    async with app.run_test(size=NARROW) as pilot:
        await show(pilot, hub, night())
        first = screen_text(app)
        for theme in (*THEMES[1:], THEMES[0]):
            await show(pilot, hub, keys=("t",))
            assert app.theme == theme.name and screen_text(app) == first


def test_each_key_means_one_thing_on_a_screen_and_is_bound_to_something() -> None:
    screens = {Where.FLEET: FleetScreen, Where.PRACTICE: PracticeScreen, Where.GATE: GateScreen, Where.HELP: HelpScreen}
    for where, screen in screens.items():
        keys = [key.key for key in keys_of(where)]
        assert len(set(keys)) == len(keys)
        for key in keys_of(where):
            owner = StillApp if key.action.startswith("app.") else screen
            assert hasattr(owner, f"action_{key.action.removeprefix('app.')}")
    assert all(key.where for key in KEYS)
