"""Records decisions and key sets that both judges accept: the agent's own (`authorize`), then the engine's ledger."""

from __future__ import annotations

from collections.abc import Callable

from agent import authorize
from engine.ledger import Ledger
from protocol.errors import Refused
from protocol.keyset import SignedKeySet
from protocol.statements import SignedDecision


class Registrar:
    """`clock` gives UTC seconds."""

    def __init__(self, ledger: Ledger, here: authorize.Standpoint, clock: Callable[[], int]) -> None:
        self._ledger, self._here, self._clock = ledger, here, clock

    def decide(self, signed: SignedDecision) -> int:
        """Record a decision; its ledger index. One that already stands there is not recorded twice. Raises Refused."""
        entries = self._ledger.entries()
        index = authorize.recorded_at(signed, entries)
        if index is not None:
            return index
        authorize.demand_decision(signed, entries, self._here, self._clock())
        return self._ledger.record_decision(signed)

    def adopt(self, signed: SignedKeySet) -> int:
        """Record a key set; its ledger index. Raises Refused."""
        authorize.demand_keyset(signed, self._ledger.entries(), self._here)
        return self._ledger.record_keyset(signed)

    def keyset_version(self) -> int:
        """The newest key set taken; 0 if there is none, or the ledger cannot be trusted."""
        try:
            keyset = self._ledger.state().keyset
        except Refused:
            return 0
        return keyset.version if keyset else 0
