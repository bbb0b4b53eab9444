"""A small firm and a practice, the same in every run: keys made from names, statements made of those keys."""

from __future__ import annotations

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.checks import REQUIRED_CHECKS
from protocol.enrolment import make_enroll
from protocol.keyset import DEFAULT_POLICY, KeySet, Operator, SignedKeySet, Signer, sign_keyset
from protocol.messages import (
    Ack,
    AgentMessage,
    AlarmReport,
    DecisionOrder,
    Enrolled,
    EnrollRefused,
    Event,
    EventBody,
    EvidenceReport,
    FindingsReport,
    GateReport,
    Heartbeat,
    Hello,
    HubMessage,
    KeySetOrder,
    Order,
    OrderResult,
    Pause,
    PhaseProgress,
    Resume,
    Stop,
    Welcome,
)
from protocol.statements import (
    CheckResult,
    Decision,
    Evidence,
    FindingCount,
    ProfileDigests,
    SetDigests,
    SignedDecision,
    SignedEvidence,
    Totals,
    sign_decision,
    sign_evidence,
    statement_digest,
)
from protocol.vocabulary import (
    Alarm,
    DecisionVerdict,
    EnrollRefusal,
    FindingCode,
    Gate,
    GateState,
    Outcome,
    Phase,
    PhaseState,
    Refusal,
    Role,
    Verdict,
)

NOW = 1_780_000_000
DAY = 86_400


def hex_of(name: str, digits: int) -> str:
    return sha256(name.encode()).hexdigest()[:digits]


def signer(name: str) -> Signer:
    return Signer(Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))


PRACTICE, RUN = hex_of("practice", 32), hex_of("run", 32)
ROOT, AGENT = signer("root"), signer("agent")
ADA, BEN, VERA, MAX, GONE, STRANGER = (signer(name) for name in ("ada", "ben", "vera", "max", "gone", "stranger"))


def operator(who: Signer, role: Role, *, revoked: bool = False) -> Operator:
    return Operator(hex_of(who.keyid, 32), who.public_key, role, revoked)


OPERATORS = (
    operator(ADA, Role.APPROVER),
    operator(BEN, Role.APPROVER),
    operator(MAX, Role.ADMIN),
    operator(VERA, Role.VIEWER),
    operator(GONE, Role.APPROVER, revoked=True),
)
KEYSET = KeySet(version=3, operators=OPERATORS, policy=DEFAULT_POLICY, issued_at=NOW - DAY)


def id_of(who: Signer) -> str:
    return operator(who, Role.VIEWER).id


def signed_keyset(keyset: KeySet = KEYSET, root: Signer = ROOT) -> SignedKeySet:
    return sign_keyset(keyset, root)


EQUAL_SETS = SetDigests(hex_of("set", 64), hex_of("set", 64), hex_of("set", 64))


def evidence(
    gate: Gate = Gate.DRY_RUN,
    *,
    practice: str = PRACTICE,
    run: str = RUN,
    checks: tuple[CheckResult, ...] | None = None,
    findings: tuple[FindingCount, ...] = (),
    digests: SetDigests | None = EQUAL_SETS,
    produced_at: int = NOW - 600,
    plan: bool = True,
) -> Evidence:
    """Evidence that passes, unless told otherwise."""
    required = REQUIRED_CHECKS.get(gate, frozenset())
    return Evidence(
        practice=practice,
        run=run,
        gate=gate,
        produced_at=produced_at,
        engine_version="0.1.0",
        profiles=ProfileDigests(hex_of("source profile", 64), hex_of("target profile", 64)),
        checks=tuple(CheckResult(check, Verdict.PASS, 7, 7) for check in required) if checks is None else checks,
        totals=Totals(patients=7, images=7, findings=findings),
        digests=digests,
        seconds=12.5,
        plan=hex_of("plan", 64) if plan else None,
    )


def signed_evidence(shown: Evidence | None = None, who: Signer = AGENT) -> SignedEvidence:
    return sign_evidence(shown or evidence(), who)


def decision(
    shown: Evidence,
    *,
    verdict: DecisionVerdict = DecisionVerdict.APPROVE,
    nonce: str = "nonce",
    issued_at: int = NOW - 60,
    expires_at: int = NOW + DAY,
    policy_version: int = DEFAULT_POLICY.version,
) -> Decision:
    return Decision(
        practice=shown.practice,
        run=shown.run,
        gate=shown.gate,
        verdict=verdict,
        evidence=statement_digest(shown),
        policy_version=policy_version,
        nonce=hex_of(nonce, 32),
        issued_at=issued_at,
        expires_at=expires_at,
    )


def signed_decision(who: Signer, shown: Evidence | None = None, **changes: object) -> SignedDecision:
    return sign_decision(decision(shown or evidence(), **changes), who)  # type: ignore[arg-type]


PROGRESS = PhaseProgress(
    phase=Phase.CONVERT,
    patients_done=3,
    patients_total=60,
    images_done=31,
    images_total=500,
    bytes_done=123_456_789,
    images_per_second=41.25,
    seconds_left_low=10.0,
    seconds_left_high=14.5,
    state=PhaseState.RUNNING,
    outcome=None,
)
ENDED = PhaseProgress(Phase.STAGE, 0, 0, 0, 0, 0, None, None, None, PhaseState.ENDED, Outcome.DONE)
FINDINGS = (FindingCount(FindingCode.MISSING_FILE, 2), FindingCount(FindingCode.LOSSY_SOURCE, 9))

BODIES: tuple[EventBody, ...] = (
    PROGRESS,
    ENDED,
    EvidenceReport(signed_evidence(evidence(findings=FINDINGS))),
    EvidenceReport(signed_evidence(evidence(Gate.STAGED, digests=None))),
    GateReport(Gate.DRY_RUN, GateState.WAITING, hex_of("evidence", 64), 1, 2, 17),
    GateReport(Gate.STAGED, GateState.CLOSED, None, 0, 0, None),
    FindingsReport(Phase.DRY_RUN, FINDINGS),
    Heartbeat(None, False),
    Heartbeat(Phase.RECONCILE, True),
    AlarmReport(Alarm.ENGINE_CRASHED),
    OrderResult(hex_of("order", 32), Outcome.REFUSED, Refusal.DECISION_EXPIRED, None),
    OrderResult(hex_of("order", 32), Outcome.DONE, None, 18),
)


def hello(versions: tuple[int, ...] = (1,)) -> Hello:
    return Hello(versions, "0.1.0", hex_of("order", 32), 4, 3)


def event(seq: int, body: EventBody = BODIES[7]) -> Event:
    return Event(seq, NOW, body)


def order(name: str) -> Order:
    return Order(hex_of(name, 32), Pause())


FROM_AGENT: tuple[AgentMessage, ...] = (
    hello(),
    Hello((2, 1), "1.20.300.4000", None, 0, 0),
    make_enroll(PRACTICE, hex_of("secret", 64), AGENT),
    *(event(number, body) for number, body in enumerate(BODIES, start=1)),
)
FROM_HUB: tuple[HubMessage, ...] = (
    Welcome(1, 12, 3),
    Ack(13),
    Order(hex_of("order 1", 32), DecisionOrder(signed_decision(ADA))),
    Order(hex_of("order 2", 32), Pause()),
    Order(hex_of("order 3", 32), Resume()),
    Order(hex_of("order 4", 32), Stop()),
    Order(hex_of("order 5", 32), KeySetOrder(signed_keyset())),
    Enrolled("MIIB+zCCAa2gAwIB/A==", signed_keyset()),
    EnrollRefused(EnrollRefusal.TOKEN_USED),
)
EVERY_MESSAGE: tuple[AgentMessage | HubMessage, ...] = FROM_AGENT + FROM_HUB


def name_of(message: object) -> str:
    """A test id: the message, and its body if it has one."""
    body = getattr(message, "body", None)
    return type(message).__name__ + (f"-{type(body).__name__}" if body is not None else "")
