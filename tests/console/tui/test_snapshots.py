"""Pictures of the screens. After a wanted change: look at the report, then pytest --snapshot-update."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.tui.world import FakeHub, StillApp, approval, fleet, night, show, waiting

SIZES = [(80, 24), (160, 50)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [(), ("enter",), ("enter", "enter")], ids=["fleet", "practice", "gate"])
def test_the_screen_looks_as_agreed(
    snap_compare: Callable[..., bool], keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    hub = FakeHub()
    seen = fleet(waiting(1, "ALDER-7", approval())) if keys else night()

    async def drive(pilot) -> None:
        await show(pilot, hub, seen, keys=keys)

    assert snap_compare(StillApp(hub), terminal_size=size, run_before=drive)
