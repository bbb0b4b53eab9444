"""The ledger's news for the hub: new evidence, and gates whose standing changed. Each is taken once, kills or not."""

from __future__ import annotations

from collections.abc import Callable

from agent import boundary
from agent.outbox import Outbox
from engine.entries import EvidenceRecorded
from engine.ledger import Ledger

_TAKEN = "ledger_taken"


class LedgerFeed:
    """Moves news from the ledger into the outbox. `clock` gives UTC seconds."""

    def __init__(self, ledger: Ledger, outbox: Outbox, practice: str, clock: Callable[[], int]) -> None:
        self._ledger, self._outbox, self._practice, self._clock = ledger, outbox, practice, clock

    def take(self) -> bool:
        """Queue what is new; whether there was anything. Raises Refused LEDGER_DAMAGED."""
        entries, standings = self._ledger.entries(), self._ledger.standings()
        before = self._outbox.pending
        with self._outbox.step():
            taken = int(self._outbox.fact(_TAKEN, "-1"))
            for recorded in entries:
                if recorded.index > taken and isinstance(recorded.entry, EvidenceRecorded):
                    self._evidence(recorded.entry, recorded.at)
            for standing in standings.values():
                self._gate(boundary.gate(standing), f"gate:{standing.gate}")
            if entries and entries[-1].index != taken:
                self._outbox.remember(_TAKEN, str(entries[-1].index))
        return self._outbox.pending != before

    def _evidence(self, entry: EvidenceRecorded, at: int) -> None:
        """Evidence from before enrolment names no practice and opens nothing; it stays here."""
        if entry.signed.evidence.practice == self._practice:
            self._outbox.queue(boundary.evidence(entry.signed).body, at)

    def _gate(self, report: boundary.Outgoing, name: str) -> None:
        text = report.body.decode()
        if self._outbox.fact(name, "") != text:
            self._outbox.queue(report.body, self._clock())
            self._outbox.remember(name, text)
