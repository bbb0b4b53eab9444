"""A question before something that others feel."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class ConfirmScreen(ModalScreen[bool]):
    """Ends with True only for y."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,enter", "answer(False)", "no"),
    ]

    def __init__(self, title: str, meaning: str) -> None:
        super().__init__()
        self._title, self._meaning = title, meaning

    def compose(self) -> ComposeResult:
        """The question, what it means, and the keys."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title), classes="-title")
            yield Static(Content(self._meaning))
            yield Static(Content("y yes, send it · n or Esc no, nothing is sent"), classes="-keys")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
