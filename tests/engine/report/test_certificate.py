"""The certificate says what the ledger says, no more, and needs nothing but itself to be read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.gates import GATES
from engine.ledger import Ledger
from engine.report.certificate import certificate
from engine.report.files import write
from protocol.statements import open_envelope
from protocol.vocabulary import Check, Gate
from tests.engine.statements import AGENT, NOW, PRACTICE, ROOT, RUN, decision, evidence, keyset


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda: NOW)
    ledger.open_run(RUN, AGENT.public_key)
    ledger.enroll(PRACTICE, ROOT.public_key)
    ledger.record_keyset(keyset())
    for gate in GATES[:-1]:
        newest = evidence(gate)
        ledger.record_evidence(newest)
        for name in ("ann", "bob")[: ledger.standings()[gate].needed]:
            ledger.record_decision(decision(name, newest))
    return ledger


def test_an_exact_run_is_certified(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record_evidence(evidence(Gate.RECONCILED))
    page, data = write(tmp_path / "report", certificate(ledger, NOW))
    assert "Exact:" in page.read_text()
    assert json.loads(data.read_text())["exact"] is True


def test_a_run_that_failed_or_was_not_reconciled_is_not(ledger: Ledger, tmp_path: Path) -> None:
    assert not certificate(ledger, NOW).exact
    assert "proves nothing" in certificate(ledger, NOW).headline
    ledger.record_evidence(evidence(Gate.RECONCILED, failing=Check.PIXELS_EQUAL))
    page, _ = write(tmp_path / "report", certificate(ledger, NOW))
    assert "Not exact: do not go live" in page.read_text()
    assert "What this proves" not in page.read_text()


def test_what_nobody_has_accepted_is_not_called_accepted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda: NOW)
    ledger.open_run(RUN, AGENT.public_key)
    waiting = certificate(ledger, NOW)
    assert not waiting.declared_accepted


def test_what_the_approvers_have_accepted_is(ledger: Ledger) -> None:
    assert certificate(ledger, NOW).declared_accepted


def test_the_signed_statements_can_be_taken_out_again(ledger: Ledger, tmp_path: Path) -> None:
    _, data = write(tmp_path / "report", certificate(ledger, NOW))
    envelopes = json.loads(data.read_text())["envelopes"]
    statements = [open_envelope(json.dumps(envelope).encode()) for envelope in envelopes]
    assert len(statements) == 4 + 3


def test_the_page_loads_nothing_from_anywhere(ledger: Ledger, tmp_path: Path) -> None:
    page, _ = write(tmp_path / "report", certificate(ledger, NOW))
    assert not re.search(r"(src|href)=|url\(|@import|https?://", page.read_text())
