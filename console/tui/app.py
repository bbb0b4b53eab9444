"""The terminal console: puts state, screens and workers together."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App, SystemCommand
from textual.screen import Screen

from console.client import LinkLost as ClientLinkLost
from console.tui.messages import Ended, Happened, Heard
from console.tui.ports import Hub, Operator, World
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.fleet import FleetScreen
from console.tui.screens.help import HelpScreen
from console.tui.state import (
    CommandAnswered,
    CommandSent,
    DecisionAnswered,
    DecisionSent,
    Event,
    FleetHeard,
    LinkEnded,
    LinkLost,
    Me,
    PracticeHeard,
    Sent,
    State,
    after,
)
from console.tui.themes import DEFAULTS, THEMES
from console.wire import FleetView, Verb
from protocol.errors import BitewingError, UsageProblem
from protocol.statements import SignedDecision, statement_digest

if TYPE_CHECKING:
    from console.operator import OperatorIdentity

_FRAME_SECONDS = 0.25
"""News are shown at most this often, however fast they come."""


class ConsoleApp(App[None]):
    """Workers post messages; messages become events of the state; the screen on top shows the state."""

    CSS_PATH = Path(__file__).with_name("console.tcss")
    TITLE = "bitewing"

    def __init__(self, operator: Operator, hub: Hub, world: World) -> None:
        super().__init__()
        self.operator, self.world = operator, world
        self.state = State(Me(operator.id, operator.name, operator.role))
        self._hub = hub
        self._changed = True
        self._second = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What the style sheet needs beyond Textual's own variables."""
        return DEFAULTS

    def on_mount(self) -> None:
        """The first screen, and the watch."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.push_screen(FleetScreen())
        self.run_worker(self._watch(), name="watch", exclusive=True)
        self.set_interval(_FRAME_SECONDS, self._show_changes)

    async def _watch(self) -> None:
        try:
            async with self._hub as hub:
                async for news in hub.watch():
                    self.post_message(Heard(news))
        except BitewingError as problem:
            self.post_message(Ended(problem))

    def on_heard(self, message: Heard) -> None:
        """News from the hub."""
        news, now = message.news, self.world.now
        if isinstance(news, ClientLinkLost):
            self.happen(LinkLost(self.world.clock() + news.retry_in))
        elif isinstance(news, FleetView):
            self.happen(FleetHeard(news, now))
        else:
            self.happen(PracticeHeard(news.practice, now))

    def on_ended(self, message: Ended) -> None:
        """Trying again is useless."""
        self.happen(LinkEnded(message.problem.what, message.problem.next_step))

    def on_happened(self, message: Happened) -> None:
        """How an order fared."""
        self.happen(message.event)

    def happen(self, event: Event) -> None:
        """The state after `event`; shown with the next frame."""
        self.state = after(self.state, event)
        self._changed = True

    def _show_changes(self) -> None:
        """Show what changed, and once a second how old everything is."""
        now = self.world.now
        if (self._changed or now != self._second) and isinstance(self.screen, ConsoleScreen):
            self._changed, self._second = False, now
            self.screen.present()

    def submit(self, signed: SignedDecision) -> None:
        """Send a decision; its fate becomes events."""
        decision, digest = signed.decision, statement_digest(signed.decision)
        sent = Sent(decision.practice, decision.gate, decision.verdict, decision.evidence, self.world.now)
        self.happen(DecisionSent(digest, sent))
        self.run_worker(self._submit(digest, signed))

    async def _submit(self, digest: str, signed: SignedDecision) -> None:
        try:
            refusal = await self._hub.submit(signed)
        except BitewingError as problem:
            told = f"{problem.what}; {problem.next_step or 'try again'}"
            self.post_message(Happened(DecisionAnswered(digest, self.world.now, problem=told)))
        else:
            self.post_message(Happened(DecisionAnswered(digest, self.world.now, refusal)))

    def command(self, practice: str, verb: Verb) -> None:
        """Send a pause or resume; its fate becomes events."""
        self.happen(CommandSent(practice, verb, self.world.now))
        self.run_worker(self._command(practice, verb))

    async def _command(self, practice: str, verb: Verb) -> None:
        try:
            refusal = await self._hub.command(practice, verb)
        except BitewingError as problem:
            told = f"{problem.what}; {problem.next_step or 'try again'}"
            self.post_message(Happened(CommandAnswered(practice, self.world.now, problem=told)))
        else:
            self.post_message(Happened(CommandAnswered(practice, self.world.now, refusal)))

    def action_theme(self) -> None:
        """The next theme."""
        names = [theme.name for theme in THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]

    def action_help(self) -> None:
        """The help screen, unless it is there."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette."""
        yield SystemCommand("Theme", "Dark, light, high contrast", self.action_theme)
        yield SystemCommand("Help", "Every key, and how to read the screens", self.action_help)
        yield SystemCommand("Quit", "Leave the console; agents work on", self.exit)


def run(identity: OperatorIdentity, *, plain: bool) -> None:
    """Open the console for this operator. Raises UsageProblem when their certificate or the terminal cannot be used."""
    from console.client import HubClient  # noqa: PLC0415 - one import place for both modes
    from console.tui.plain import watch  # noqa: PLC0415 - not needed with screens

    if not plain and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageProblem("the console needs a terminal", next_step="use --plain for lines")
    identity.tls(int(time.time()))
    hub = HubClient(identity)
    world = World(time.time, _local_zone(), lambda: secrets.token_hex(16))
    if plain:
        asyncio.run(watch(identity, hub, world))
    else:
        ConsoleApp(identity, hub, world).run()


def _local_zone() -> tzinfo:
    return datetime.now().astimezone().tzinfo or UTC
