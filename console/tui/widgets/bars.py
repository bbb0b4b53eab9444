"""What frames every screen: where am I, is the hub there, what to do next, and which keys work."""

from __future__ import annotations

from datetime import tzinfo

from rich.cells import cell_len
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from console.tui import figures
from console.tui.keys import Key
from console.tui.lines import fit
from console.tui.state import Link, State

_GAP = "  "


def title(crumbs: str, state: State, now: int, zone: tzinfo, width: int) -> str:
    """The top line: place on the left; on the right, as far as there is room, clock, link and person."""
    link = {Link.LIVE: "hub connected", Link.CONNECTING: "connecting"}.get(state.link, "NOT CONNECTED")
    clock = figures.date_and_time(now, zone)
    who = f"{state.me.name} ({state.role})"
    left = f" bitewing › {crumbs}"
    for right in (f"{who} · {clock} · {link} ", f"{clock} · {link} ", f"{link} "):
        if cell_len(left) + cell_len(right) + len(_GAP) <= width:
            return fit(left, width - cell_len(right)) + right
    return fit(left, width)


def trouble(state: State, now: int, zone: tzinfo) -> str:
    """What the banner says while the hub is not there; empty while it is."""
    if state.link is Link.CONNECTING:
        return "Connecting to the hub. The fleet appears as soon as it answers."
    if state.link is Link.ENDED:
        return f"No connection: {state.problem}. Next: {state.next_step or 'ask an admin'}.{_seen(state, now, zone)}"
    if state.link is Link.LOST:
        wait = max(round((state.retry_at or now) - now), 0)
        again = f"in {wait} s" if wait else "now"
        return f"No connection to the hub; next attempt {again}.{_seen(state, now, zone)} Practices work on."
    return ""


def _seen(state: State, now: int, zone: tzinfo) -> str:
    if state.heard_at is None:
        return " Nothing was heard yet."
    return f" What you see is from {figures.clock(state.heard_at, now, zone)}, {figures.age(now - state.heard_at)} ago."


def key_lines(keys: tuple[Key, ...], width: int) -> list[list[Key]]:
    """The keys in as many lines as they need; none is cut."""
    lines: list[list[Key]] = [[]]
    used = 0
    for key in keys:
        size = cell_len(_label(key)) + len(_GAP)
        if used and used + size > width:
            lines.append([])
            used = 0
        lines[-1].append(key)
        used += size
    return lines


def _label(key: Key) -> str:
    return f"{key.shown} {key.label}"


class Title(Static):
    """The top line."""


class Banner(Static):
    """Says that the hub is not there, and how old the screen is; not shown while it is."""

    def tell(self, text: str) -> None:
        """An empty text hides it."""
        self.display = bool(text)
        self.update(Content(text))


class Hint(Static):
    """One sentence on what to do next. A notice takes its place for a while."""

    NOTICE_SECONDS = 8.0

    def __init__(self) -> None:
        super().__init__()
        self._hint, self._notice = "", ""

    def tell(self, text: str) -> None:
        """The sentence."""
        self._hint = text
        self._show()

    def notice(self, text: str) -> None:
        """Something that was asked cannot be, and why."""
        self._notice = text
        self.set_timer(self.NOTICE_SECONDS, lambda: self._end(text))
        self._show()

    def _end(self, text: str) -> None:
        if self._notice == text:
            self._notice = ""
            self._show()

    def _show(self) -> None:
        self.set_class(bool(self._notice), "-notice")
        self.update(Content(f"✗ {self._notice}" if self._notice else f"→ {self._hint}"))


class KeyBar(Static):
    """The keys of this screen; a click does what the key does."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self._keys = keys

    def on_resize(self) -> None:
        """Lay them out for the new width."""
        lines = key_lines(self._keys, self.size.width)
        self.update(Content("\n").join([Content(_GAP).join([_item(key) for key in line]) for line in lines]))


def _item(key: Key) -> Content:
    action = key.action if "." in key.action else f"screen.{key.action}"
    click = Style.from_meta({"@click": action})
    return Content.assemble((key.shown, Style(bold=True) + click), (f" {key.label}", click))
