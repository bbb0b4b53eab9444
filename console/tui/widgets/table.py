"""A table that draws only the lines on the screen, so that thousands of rows cost as much as twenty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.lines import Tone, fit

_GAP = 1


@dataclass(frozen=True, slots=True)
class Head:
    """A column: its title and width in cells; one column has width 0 and takes what is left over."""

    title: str
    width: int
    right: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What the table shows: a key for each row, and its cells when they are asked for."""

    heads: Sequence[Head]
    keys: Sequence[str]
    cells: Callable[[int], Sequence[str]]
    tone: Callable[[int], Tone]


NOTHING = Rows((), (), lambda index: (), lambda index: Tone.PLAIN)


class Table(ScrollView, can_focus=True):
    """Rows with a marked one. The mark stays on its row when rows change their places."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--head", "table--mark", *(f"table--{tone}" for tone in Tone)}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("pageup", "leap(-1)", show=False),
        Binding("pagedown", "leap(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
    ]

    class Marked(Message):
        """Another row is marked."""

    class Opened(Message):
        """The marked row was clicked again."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows = NOTHING
        self._place = 0

    @property
    def marked(self) -> str | None:
        """The key of the marked row."""
        return self._rows.keys[self._place] if self._rows.keys else None

    def show(self, rows: Rows) -> None:
        """Show other rows; the marked key stays marked if it is still there."""
        before = self.marked
        self._rows = rows
        if before is not None and before in rows.keys:
            self._place = list(rows.keys).index(before)
        self._place = max(min(self._place, len(rows.keys) - 1), 0)
        self._measure()
        self.refresh()

    def mark(self, key: str) -> None:
        """Mark the row with this key, if it is there."""
        if key in self._rows.keys:
            self._move(list(self._rows.keys).index(key))

    def on_resize(self, event: Resize) -> None:
        """Another width, other columns."""
        self._measure()

    def _measure(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows.keys) + 1)

    def action_step(self, by: int) -> None:
        """The next row, up or down."""
        self._move(self._place + by)

    def action_leap(self, pages: int) -> None:
        """A page up or down."""
        self._move(self._place + pages * max(self._visible - 1, 1))

    def action_edge(self, index: int) -> None:
        """The first or last row."""
        self._move(index % max(len(self._rows.keys), 1))

    def on_click(self, event: Click) -> None:
        """Mark a row; open the marked one."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0:
            return
        place = offset.y - 1 + self.scroll_offset.y
        if place == self._place and self._rows.keys:
            self.post_message(self.Opened())
        elif place < len(self._rows.keys):
            self._move(place)

    @property
    def _visible(self) -> int:
        return max(self.scrollable_content_region.height - 1, 1)

    def _move(self, place: int) -> None:
        self._place = max(min(place, len(self._rows.keys) - 1), 0)
        top = self.scroll_offset.y
        if self._place < top:
            self.scroll_to(y=self._place, animate=False)
        elif self._place >= top + self._visible:
            self.scroll_to(y=self._place - self._visible + 1, animate=False)
        self.refresh()
        self.post_message(self.Marked())

    def render_line(self, y: int) -> Strip:
        """The head, then the rows from the scroll position on."""
        width = self.scrollable_content_region.width
        if y == 0:
            titles = [head.title for head in self._rows.heads]
            return self._strip(titles, "table--head", width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows.keys):
            return Strip.blank(width, self.rich_style)
        name = f"table--{self._rows.tone(index)}"
        return self._strip(self._rows.cells(index), "table--mark" if index == self._place else name, width)

    def _strip(self, cells: Sequence[str], component: str, width: int) -> Strip:
        texts = [
            fit(cell, head_width, right=head.right)
            for cell, head, head_width in zip(cells, self._rows.heads, self._widths(width), strict=True)
        ]
        text = fit((" " * _GAP).join(texts), width)
        return Strip([Segment(text, self.get_component_rich_style(component))], width)

    def _widths(self, width: int) -> list[int]:
        heads = self._rows.heads
        fixed = sum(head.width for head in heads) + _GAP * (len(heads) - 1)
        return [head.width or max(width - fixed, 0) for head in heads]
