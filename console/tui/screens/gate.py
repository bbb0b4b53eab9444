"""One gate: its evidence, and the place where an operator decides."""

from __future__ import annotations

from textual.widget import Widget

from console.tui.deciding import Wish
from console.tui.keys import Where, bindings
from console.tui.pages import gate as page
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.decide import DecideScreen
from console.tui.state import judgement_of
from console.tui.widgets.bars import Hint
from console.tui.widgets.page import Page
from console.tui.words import ROAD
from console.wire import PracticeView
from protocol.statements import SignedDecision
from protocol.vocabulary import DecisionVerdict, Gate

_GATES = tuple(gate for _, gate in ROAD)


class GateScreen(ConsoleScreen):
    """One gate of a practice. If the hub no longer lists that, what was seen last stays on the screen."""

    WHERE = Where.GATE
    BINDINGS = bindings(Where.GATE)

    def __init__(self, practice: PracticeView, gate: Gate) -> None:
        super().__init__()
        self._last, self._gate = practice, gate
        self._is_following = False

    def body(self) -> list[Widget]:
        """One page."""
        return [Page(id="gate")]

    def on_mount(self) -> None:
        """Arrow keys scroll the page."""
        self.query_one(Page).focus()

    def crumbs(self) -> str:
        """Where this is."""
        return f"{self._view.code} › {self._gate}"

    @property
    def _view(self) -> PracticeView:
        self._last = self.console_app.state.practices.get(self._last.id, self._last)
        return self._last

    def present(self) -> None:
        """The newest of this gate."""
        super().present()
        subject = self.subject()
        if subject is not None:
            self.query_one(Page).show(lambda width: page.gate_lines(subject, width))
            self.query_one(Hint).tell(page.what_next(subject))
            self._follow()

    def _follow(self) -> None:
        """Keep a decision just sent in sight: in one column it stands at the end."""
        if self._is_following and self.size.width < page.WIDE:
            self.call_after_refresh(self.query_one(Page).scroll_end, animate=False)

    def on_key(self) -> None:
        """Whoever presses a key looks where they want."""
        self._is_following = False

    def subject(self) -> page.Subject | None:
        """The gate as judged now."""
        app = self.console_app
        practice, now = self._view, app.world.now
        judgement = judgement_of(app.state, practice, self._gate, now)
        return page.Subject(app.state, practice, judgement, now, app.world.zone) if judgement else None

    def action_previous(self) -> None:
        """The gate before."""
        self._turn(-1)

    def action_next(self) -> None:
        """The gate after."""
        self._turn(1)

    def _turn(self, by: int) -> None:
        place = _GATES.index(self._gate) + by
        if 0 <= place < len(_GATES):
            self._gate = _GATES[place]
            self.query_one(Page).scroll_home(animate=False)
            self.present()

    def action_approve(self) -> None:
        """Ask for code and passphrase to approve."""
        self._decide(DecisionVerdict.APPROVE)

    def action_reject(self) -> None:
        """Ask for code and passphrase to say no."""
        self._decide(DecisionVerdict.REJECT)

    def _decide(self, verdict: DecisionVerdict) -> None:
        subject, fleet = self.subject(), self.console_app.state.fleet
        if subject is None or fleet is None:
            return self.say("The fleet has not come yet. Wait until the hub answers.")
        obstacle = page.why_not(subject, verdict)
        if obstacle is not None:
            return self.say(obstacle)
        wish = Wish(subject.practice, subject.judgement, verdict, fleet.policy)
        self.app.push_screen(DecideScreen(wish), self._decided)
        return None

    def _decided(self, signed: SignedDecision | None) -> None:
        if signed is not None:
            self._is_following = True
            self.console_app.submit(signed)
