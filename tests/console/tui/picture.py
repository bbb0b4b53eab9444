"""Draws docs/console.svg: python -m tests.console.tui.picture OPERATOR_FOLDER [KEYS [WIDTHxHEIGHT [FILE]]].

Needs a hub that serves a practice; by default the first practice's gate that matters is drawn. Nothing is decided.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from datetime import UTC
from pathlib import Path

from console.client import HubClient
from console.operator import OperatorIdentity
from console.tui.app import ConsoleApp
from console.tui.ports import World
from tests.console.tui.world import standalone

PICTURE = Path(__file__).parents[3] / "docs" / "console.svg"


async def draw(folder: Path, keys: list[str], size: tuple[int, int]) -> str:
    """The screen after `keys`, as an SVG that refers to nothing outside itself."""
    identity = OperatorIdentity.load(folder)
    app = ConsoleApp(identity, HubClient(identity), World(time.time, UTC, lambda: secrets.token_hex(16)))
    async with app.run_test(size=size) as pilot:
        while not app.state.practices:
            await pilot.pause(0.1)
        await pilot.pause(0.5)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.5)
        return standalone(app.export_screenshot(title="bitewing-console tui"))


def main(folder: str, keys: str = "enter,enter", size: str = "120x36", file: str = str(PICTURE)) -> None:
    """Writes the picture."""
    width, height = map(int, size.split("x"))
    drawn = asyncio.run(draw(Path(folder), [key for key in keys.split(",") if key], (width, height)))
    Path(file).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
