"""A signature is over exactly one statement, and a standard envelope carries it unchanged."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from protocol.errors import ProtocolViolation, Refused
from protocol.keyset import Signer, keyid_of
from protocol.limits import MAX_ENVELOPE_BYTES
from protocol.predicates import Attestation, CheckResult, Totals
from protocol.signed import (
    SignedDecision,
    SignedEvidence,
    SignedStatement,
    payload,
    sign_attestation,
    sign_decision,
    sign_evidence,
    statement_digest,
    verify_attestation,
    verify_evidence,
)
from protocol.statements import FindingCount, envelope, open_envelope
from protocol.vocabulary import Check, FindingCode, Gate, Refusal, Verdict
from tests.protocol import world

ATTESTATION = Attestation(world.PRACTICE, world.RUN, Gate.VIEWER_CHECKED, 2, 11, 0, world.NOW)
STATEMENTS: dict[str, SignedStatement] = {
    "evidence": world.signed_evidence(),
    "decision": world.signed_decision(world.ADA),
    "attestation": sign_attestation(ATTESTATION, world.AGENT),
}
every_statement = pytest.mark.parametrize("signed", STATEMENTS.values(), ids=STATEMENTS)


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.reason


def test_evidence_and_attestation_are_accepted_from_the_practice_that_signed_them() -> None:
    assert verify_evidence(world.signed_evidence(), world.AGENT.public_key) == world.evidence()
    signed = sign_attestation(ATTESTATION, world.AGENT)
    assert verify_attestation(signed, world.AGENT.public_key) == ATTESTATION


@pytest.mark.attack
def test_evidence_and_attestation_of_another_key_are_refused() -> None:
    for call in (
        lambda: verify_evidence(world.signed_evidence(who=world.STRANGER), world.AGENT.public_key),
        lambda: verify_evidence(world.signed_evidence(), world.STRANGER.public_key),
        lambda: verify_attestation(sign_attestation(ATTESTATION, world.STRANGER), world.AGENT.public_key),
    ):
        assert refused(call) is Refusal.SIGNATURE_INVALID


CHANGES: dict[str, dict[str, Any]] = {
    "practice": {"practice": world.hex_of("other", 32)},
    "run": {"run": world.hex_of("other", 32)},
    "gate": {"gate": Gate.CONVERTED},
    "time": {"produced_at": world.NOW},
    "engine": {"engine_version": "0.1.1"},
    "a check": {"checks": world.evidence().checks[1:]},
    "a count": {"totals": Totals(patients=8, images=7)},
    "digests": {"digests": None},
    "seconds": {"seconds": 12.501},
}


@pytest.mark.attack
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_evidence_changed_after_signing_is_refused(change: dict[str, Any]) -> None:
    signed = world.signed_evidence()
    forged = SignedEvidence(msgspec.structs.replace(signed.evidence, **change), signed.signature)
    assert refused(lambda: verify_evidence(forged, world.AGENT.public_key)) is Refusal.SIGNATURE_INVALID
    assert statement_digest(forged.evidence) != statement_digest(signed.evidence)


@pytest.mark.attack
def test_a_signature_with_another_key_id_is_refused() -> None:
    signed = world.signed_evidence()
    forged = msgspec.structs.replace(signed.signature, keyid=world.ADA.keyid)
    call = lambda: verify_evidence(SignedEvidence(signed.evidence, forged), world.AGENT.public_key)  # noqa: E731
    assert refused(call) is Refusal.SIGNATURE_INVALID


@pytest.mark.attack
@settings(max_examples=60)
@given(st.integers(0, 511))
def test_a_signature_with_one_bit_changed_is_refused(bit: int) -> None:
    signed = world.signed_evidence()
    number = int(signed.signature.sig, 16) ^ (1 << bit)
    forged = SignedEvidence(signed.evidence, msgspec.structs.replace(signed.signature, sig=f"{number:0128x}"))
    assert refused(lambda: verify_evidence(forged, world.AGENT.public_key)) is Refusal.SIGNATURE_INVALID


@pytest.mark.attack
def test_a_signature_over_one_kind_of_statement_is_none_over_another() -> None:
    """Same key, same bytes, other payload type: the pre-authentication encoding tells them apart."""
    body = payload(world.evidence())
    stolen = world.AGENT.sign("application/octet-stream", body)
    forged = SignedEvidence(world.evidence(), stolen)
    assert refused(lambda: verify_evidence(forged, world.AGENT.public_key)) is Refusal.SIGNATURE_INVALID


BAD_VALUES: dict[str, Callable[[], object]] = {
    "text in an id": lambda: sign_evidence(world.evidence(run="SMITH"), world.AGENT),
    "a newline behind an id": lambda: sign_evidence(world.evidence(run=world.RUN + "\n"), world.AGENT),
    "a negative count": lambda: sign_evidence(
        world.evidence(checks=(CheckResult(Check.NO_BLOCKERS, Verdict.PASS, 0, -1),)), world.AGENT
    ),
    "a date before the product": lambda: sign_evidence(world.evidence(produced_at=0), world.AGENT),
    "an unknown gate": lambda: sign_evidence(world.evidence("SMITH"), world.AGENT),  # type: ignore[arg-type]
    "a time that is no number": lambda: sign_decision(
        world.decision(world.evidence(), issued_at=1.5),  # type: ignore[arg-type]
        world.ADA,
    ),
    "a dict in place of digests": lambda: sign_evidence(
        world.evidence(digests=dict.fromkeys(("source", "database", "disk"), "0" * 64)),  # type: ignore[arg-type]
        world.AGENT,
    ),
    "a value JSON cannot hold": lambda: sign_evidence(world.evidence(run=object()), world.AGENT),  # type: ignore[arg-type]
}


@pytest.mark.attack
@pytest.mark.parametrize("call", BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_statement_with_a_value_outside_the_language_is_not_signed(call: Callable[[], object]) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        call()
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_the_order_in_which_checks_and_findings_were_made_does_not_change_the_digest() -> None:
    findings = (FindingCount(FindingCode.VOLUME, 1), FindingCount(FindingCode.MISSING_FILE, 2))
    one = world.evidence(findings=findings)
    other = world.evidence(findings=findings[::-1], checks=one.checks[::-1])
    assert one == other
    assert statement_digest(one) == statement_digest(other)


def test_a_check_or_a_code_cannot_be_said_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        world.evidence(checks=(CheckResult(Check.NO_BLOCKERS, Verdict.PASS, 0, 0),) * 2)
    with pytest.raises(ValueError, match="twice"):
        Totals(findings=(FindingCount(FindingCode.VOLUME, 1),) * 2)


def test_the_payload_is_an_in_toto_statement_whose_digest_names_the_evidence() -> None:
    shown = world.evidence()
    read = json.loads(payload(shown))
    assert read["_type"] == "https://in-toto.io/Statement/v1"
    assert read["predicateType"] == "urn:bitewing:evidence:v1"
    assert read["subject"][0] == {"name": "source-profile", "digest": {"sha256": shown.profiles.source}}
    assert payload(shown) == json.dumps(read, sort_keys=True, separators=(",", ":")).encode()
    decided = json.loads(payload(world.decision(shown)))
    assert decided["subject"] == [
        {"name": "evidence", "digest": {"sha256": hashlib.sha256(payload(shown)).hexdigest()}}
    ]


@every_statement
def test_a_statement_comes_back_from_its_envelope_as_it_was(signed: SignedStatement) -> None:
    assert open_envelope(envelope(signed)) == signed


@every_statement
def test_an_envelope_is_verified_by_another_dsse_implementation(signed: SignedStatement) -> None:
    who = world.ADA if isinstance(signed, SignedDecision) else world.AGENT
    key = SSlibKey(who.keyid, "ed25519", "ed25519", {"public": who.public_key})
    read = Envelope.from_dict(json.loads(envelope(signed)))
    assert set(read.verify([key], 1)) == {who.keyid}


@every_statement
def test_an_envelope_is_verified_by_hand_from_the_published_rules(signed: SignedStatement) -> None:
    """DSSE v1: the signature is over "DSSEv1" SP len(type) SP type SP len(payload) SP payload."""
    who = world.ADA if isinstance(signed, SignedDecision) else world.AGENT
    read = json.loads(envelope(signed))
    kind, body = read["payloadType"].encode(), base64.b64decode(read["payload"])
    covered = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
    made = base64.b64decode(read["signatures"][0]["sig"])
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(who.public_key)).verify(made, covered)


def repacked(signed: SignedStatement, change: Callable[[dict[str, Any]], None], inner: bool) -> bytes:
    outer = json.loads(envelope(signed))
    if not inner:
        change(outer)
        return json.dumps(outer).encode()
    body = json.loads(base64.b64decode(outer["payload"]))
    change(body)
    packed = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps({**outer, "payload": base64.b64encode(packed).decode()}).encode()


def _set(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(tree: dict[str, Any]) -> None:
        node: Any = tree
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = to

    return change


MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], None], bool]] = {
    "another payload type": (_set("payloadType", to="application/json"), False),
    "an unknown outer field": (_set("note", to="SMITH"), False),
    "no signature": (_set("signatures", to=[]), False),
    "two signatures": (lambda tree: tree["signatures"].append(tree["signatures"][0]), False),
    "a second signer": (
        lambda tree: tree["signatures"].append({**tree["signatures"][0], "keyid": world.BEN.keyid}),
        False,
    ),
    "a short signature": (_set("signatures", 0, "sig", to="AAAA"), False),
    "a key id with text": (_set("signatures", 0, "keyid", to="SMITH"), False),
    "an extra field in a signature": (_set("signatures", 0, "cert", to="SMITH"), False),
    "a payload that is not base64": (_set("payload", to="***"), False),
    "an empty payload": (_set("payload", to=""), False),
    "another statement type": (_set("_type", to="https://in-toto.io/Statement/v0.1"), True),
    "another predicate type": (_set("predicateType", to="urn:bitewing:shell:v1"), True),
    "another subject": (_set("subject", to=[]), True),
    "an unknown inner field": (_set("note", to="SMITH"), True),
    "an unknown predicate field": (_set("predicate", "note", to="SMITH"), True),
    "text in the predicate": (_set("predicate", "practice", to="SMITH"), True),
    "a predicate that is no object": (_set("predicate", to=[]), True),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", MALFORMED)
@every_statement
def test_a_malformed_envelope_is_refused(signed: SignedStatement, name: str) -> None:
    change, inner = MALFORMED[name]
    data = repacked(signed, change, inner)
    assert refused(lambda: open_envelope(data)) is Refusal.STATEMENT_MALFORMED


@pytest.mark.attack
@every_statement
def test_a_payload_in_another_spelling_is_refused(signed: SignedStatement) -> None:
    outer = json.loads(envelope(signed))
    spaced = json.dumps(json.loads(base64.b64decode(outer["payload"]))).encode()
    data = json.dumps({**outer, "payload": base64.b64encode(spaced).decode()}).encode()
    assert refused(lambda: open_envelope(data)) is Refusal.STATEMENT_MALFORMED


@pytest.mark.attack
def test_an_oversize_envelope_is_refused() -> None:
    data = envelope(world.signed_evidence()) + b" " * MAX_ENVELOPE_BYTES
    assert refused(lambda: open_envelope(data)) is Refusal.STATEMENT_MALFORMED


@pytest.mark.fuzz
@given(st.one_of(st.binary(max_size=200), st.text(alphabet='{}[]":,\\ae0', max_size=200).map(str.encode)))
def test_arbitrary_bytes_in_place_of_an_envelope_are_refused(data: bytes) -> None:
    assert refused(lambda: open_envelope(data)) is Refusal.STATEMENT_MALFORMED


@pytest.mark.attack
def test_a_deep_envelope_is_refused() -> None:
    assert refused(lambda: open_envelope(b"[" * 60_000)) is Refusal.STATEMENT_MALFORMED
    assert refused(lambda: open_envelope(b'{"payload":' * 5_000)) is Refusal.STATEMENT_MALFORMED


def test_a_key_id_is_the_hash_of_the_raw_key() -> None:
    signer: Signer = world.ADA
    assert signer.keyid == keyid_of(signer.public_key) == hashlib.sha256(bytes.fromhex(signer.public_key)).hexdigest()
    assert world.signed_decision(signer).signature.keyid == signer.keyid
