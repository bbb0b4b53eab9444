"""What every screen has: a title, a banner for trouble with the hub, a hint, a body and the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.content import Content
from textual.events import ScreenResume
from textual.screen import Screen
from textual.widget import Widget

from console.tui.keys import Where, keys_of
from console.tui.widgets.bars import Banner, Hint, KeyBar, Title, title, trouble

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


class ConsoleScreen(Screen[None]):
    """Shows the app's state; `present` is called whenever that, or the second, has changed."""

    WHERE: ClassVar[Where]

    @property
    def console_app(self) -> ConsoleApp:
        """The app, by its own type."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        """The frame, around the screen's own body."""
        yield Title()
        yield Banner()
        yield Hint()
        yield from self.body()
        yield KeyBar(keys_of(self.WHERE))

    def body(self) -> list[Widget]:
        """The screen's own widgets."""
        raise NotImplementedError

    def crumbs(self) -> str:
        """Where this is."""
        raise NotImplementedError

    def present(self) -> None:
        """Show the newest state."""
        app = self.console_app
        now, zone = app.world.now, app.world.zone
        self.query_one(Title).update(Content(title(self.crumbs(), app.state, now, zone, self.size.width)))
        self.query_one(Banner).tell(trouble(app.state, now, zone))

    def say(self, text: str) -> None:
        """Tell why something that was asked is not done."""
        self.query_one(Hint).notice(text)

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Back on top: nothing on it may be old."""
        self.present()

    def on_resize(self) -> None:
        """Another size."""
        self.present()

    def action_back(self) -> None:
        """One screen back."""
        self.app.pop_screen()
