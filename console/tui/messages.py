"""What workers tell the app. They post these and touch nothing else."""

from __future__ import annotations

from textual.message import Message

from console.client import News
from console.tui.state import Event
from protocol.errors import BitewingError
from protocol.statements import SignedDecision


class Heard(Message):
    """News from the hub."""

    def __init__(self, news: News) -> None:
        self.news = news
        super().__init__()


class Ended(Message):
    """No more news will come."""

    def __init__(self, problem: BitewingError) -> None:
        self.problem = problem
        super().__init__()


class Signed(Message):
    """The key was opened and the decision signed."""

    def __init__(self, decision: SignedDecision) -> None:
        self.decision = decision
        super().__init__()


class NotSigned(Message):
    """Nothing was signed and nothing sent."""

    def __init__(self, problem: BitewingError) -> None:
        self.problem = problem
        super().__init__()


class Happened(Message):
    """An event for the state: how an order fared."""

    def __init__(self, event: Event) -> None:
        self.event = event
        super().__init__()
