"""The dialog of a decision: the practice's code as proof of attention, the passphrase as proof of person."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from console.tui.deciding import Wish, sign
from console.tui.messages import NotSigned, Signed
from console.tui.pages.gate import accepted_findings
from console.tui.state import Link, judgement_of
from console.verdicts import gate_view
from protocol.errors import BitewingError
from protocol.statements import SignedDecision
from protocol.vocabulary import DecisionVerdict

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

_NOTHING_SENT = "Nothing was sent."


class DecideScreen(ModalScreen[SignedDecision | None]):
    """Ends with the signed decision, or with None. It signs only the evidence that was on the screen behind it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel")]

    def __init__(self, wish: Wish) -> None:
        super().__init__()
        self._wish = wish
        self._busy = False

    def compose(self) -> ComposeResult:
        """What is being said, and two fields."""
        wish = self._wish
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(
                Content(f"{wish.verdict.capitalize()} {wish.judgement.gate} of {wish.practice.code}"), classes="-title"
            )
            yield Static(Content(_meaning(wish)))
            yield Static(Content(f"Type the practice's code, {wish.practice.code}:"), classes="-label")
            yield Input(id="code")
            yield Static(Content("Your passphrase:"), classes="-label")
            yield Input(id="passphrase", password=True)
            yield Static(Content(""), classes="-error")
            yield Static(Content("Enter goes on, then sends · Tab other field · Esc cancels"), classes="-keys")

    def on_mount(self) -> None:
        """Begin with the code."""
        self.query_one("#code", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the code goes on to the passphrase; Enter there sends."""
        passphrase = self.query_one("#passphrase", Input)
        if event.input.id == "code":
            passphrase.focus()
        elif not self._busy:
            self._send(passphrase.value)

    def _send(self, passphrase: str) -> None:
        if not self._is_code_typed():
            return self._again("#code", f"That is not the code of this practice: it is {self._wish.practice.code}.")
        obstacle = self._changed() if passphrase else "Type your passphrase."
        if obstacle is not None:
            return self._again("#passphrase", obstacle)
        self._busy = True
        self._tell("Opening your key …")
        self.run_worker(partial(self._sign, passphrase), thread=True, exclusive=True)
        return None

    def _is_code_typed(self) -> bool:
        return self.query_one("#code", Input).value.strip().upper() == self._wish.practice.code

    def _changed(self) -> str | None:
        """What has changed behind the dialog so that this decision would no longer be what was read."""
        app = cast("ConsoleApp", self.app)
        if app.state.link is not Link.LIVE:
            return "The connection to the hub is gone: wait until it is back."
        practice = app.state.practices.get(self._wish.practice.id)
        if practice is None:
            return "The hub no longer lists this practice: ask an admin."
        judgement = judgement_of(app.state, practice, self._wish.judgement.gate, app.world.now)
        if judgement is None or judgement.digest != self._wish.judgement.digest:
            return "New evidence arrived meanwhile: press Esc, read it, and decide on that."
        return None

    def _sign(self, passphrase: str) -> None:
        app = cast("ConsoleApp", self.app)
        try:
            signed = sign(app.operator, passphrase, self._wish, nonce=app.world.new_id(), now=app.world.now)
        except BitewingError as problem:
            self.post_message(NotSigned(problem))
        else:
            self.post_message(Signed(signed))

    def on_signed(self, message: Signed) -> None:
        """Hand it over to be sent, if it is still about what was read."""
        obstacle = self._changed()
        if obstacle is None:
            self.dismiss(message.decision)
        else:
            self._again("#passphrase", obstacle)

    def on_not_signed(self, message: NotSigned) -> None:
        """Say why, and ask again."""
        what = message.problem.what
        self._again("#passphrase", f"{what[:1].upper()}{what[1:]}.")

    def _again(self, field: str, obstacle: str) -> None:
        """Ask for this field again, and always for the passphrase: it may have been typed in the wrong place."""
        self._busy = False
        for name in {field, "#passphrase"}:
            self.query_one(name, Input).value = ""
        self.query_one(field, Input).focus()
        self._tell(f"{obstacle} {_NOTHING_SENT}")

    def _tell(self, text: str) -> None:
        self.query_one(".-error", Static).update(Content(text))

    def action_cancel(self) -> None:
        """Nothing is sent."""
        self.dismiss(None)


def _meaning(wish: Wish) -> str:
    digest = (wish.judgement.digest or "")[:12]
    if wish.verdict is DecisionVerdict.REJECT:
        return f"You say no to evidence {digest}…: the gate stays closed until its phase has run again."
    signed = gate_view(wish.practice, wish.judgement.gate).evidence
    findings = accepted_findings(signed.evidence) if signed else "no findings"
    return f"You have read evidence {digest}… and accept what it counts: {findings}."
