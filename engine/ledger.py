"""The gate ledger: the last word on what may happen. Hash-chained, every signature checked on each read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from filelock import FileLock

from engine import chain
from engine.entries import (
    DecisionRecorded,
    Enrolled,
    Entry,
    EvidenceRecorded,
    KeySetRecorded,
    PhaseBegun,
    RefusalRecorded,
    RunOpened,
)
from engine.gates import Road, Standing
from protocol.errors import BitewingError, Refused
from protocol.judgement import demand_about, passes, verify_decision
from protocol.keyset import SignedKeySet, verify_keyset
from protocol.statements import SignedDecision, SignedEvidence, verify_evidence
from protocol.vocabulary import Gate, Phase, Refusal

LOCK_SECONDS = 20.0  # another process appends within milliseconds; longer means something is stuck


@dataclass(frozen=True, slots=True)
class Recorded:
    """One verified entry with its place in the ledger and the time it was written (UTC seconds)."""

    index: int
    at: int
    entry: Entry


@dataclass(frozen=True)
class _Reading:
    """What one reading of the file gave, kept until the file changes."""

    stamp: tuple[int, int]
    entries: tuple[Recorded, ...]
    road: Road


class Ledger:
    """The ledger file of one job. `clock` gives UTC seconds. Several processes may hold one at the same time."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._path, self._clock = path, clock
        self._lock = FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS)
        self._reading: _Reading | None = None

    def open_run(self, run: str, public_key: str) -> None:
        """The first entry of a new ledger."""
        self._append(RunOpened(run, public_key))

    def enroll(self, practice: str, root: str) -> None:
        """Pins the practice's id and the firm's root key. Enrolling again with the same pair changes nothing."""
        road = self.state()
        if (road.practice, road.root) != (practice, root):
            self._append(Enrolled(practice, root))

    def record_keyset(self, signed: SignedKeySet) -> int:
        """A newer key set. Raises Refused if it is older than one seen, or not signed by the pinned root."""
        with self._lock:
            road = self.state()
            if road.keyset and signed.keyset == road.keyset:
                return self._last_index()
            _verified_keyset(road, signed)
            return self._append(KeySetRecorded(signed))

    def record_evidence(self, signed: SignedEvidence) -> int:
        """This run's evidence; voids what was built on older evidence."""
        verify_evidence(signed, self._opened().public_key)
        return self._append(EvidenceRecorded(signed))

    def record_decision(self, signed: SignedDecision) -> int:
        """A decision, once every rule about it holds. Raises Refused with the rule that does not, and records that."""
        with self._lock:
            try:
                self.judge_decision(signed)
            except Refused as refused:
                self._append(RefusalRecorded(refused.reason))
                raise
            return self._append(DecisionRecorded(signed))

    def judge_decision(self, signed: SignedDecision) -> None:
        """Returns if the decision may be recorded now. Raises Refused."""
        road, opened, now = self.state(), self._opened(), self._clock()
        if road.keyset is None or road.practice is None:
            raise Refused(
                Refusal.KEYSET_MISSING,
                "no key set of the firm is known here",
                next_step="enroll the agent, then connect it once",
            )
        decision = signed.decision
        verify_decision(signed, road.keyset, now=now, practice=road.practice, run=opened.run, author=opened.public_key)
        if decision.nonce in road.nonces:
            raise Refused(Refusal.DECISION_REPLAYED, "this decision was used before", next_step="sign a new one")
        _require_newest(road, signed)

    def begin(self, phase: Phase) -> None:
        """Records that a phase begins. Raises Refused unless every gate before it is open now."""
        with self._lock:
            road = self.state()
            road.require_open_before(phase, self._clock())
            self._append(PhaseBegun(phase))

    def require_open_before(self, phase: Phase) -> None:
        """Returns if every gate before `phase` is open now. Raises Refused."""
        self.state().require_open_before(phase, self._clock())

    def standings(self) -> Mapping[Gate, Standing]:
        """Every gate as it stands now."""
        return self.state().standings(self._clock())

    def entries(self) -> tuple[Recorded, ...]:
        """Everything recorded, verified. Raises Refused LEDGER_DAMAGED."""
        return self._read().entries

    def state(self) -> Road:
        """The road as the whole ledger leaves it. Raises Refused LEDGER_DAMAGED."""
        return self._read().road

    @property
    def run(self) -> str:
        return self._opened().run

    def require_run(self, run: str) -> None:
        """Returns if the ledger was begun by this run, or is still to begin. Raises Refused WRONG_RUN."""
        if self.entries() and self.run != run:
            raise Refused(
                Refusal.WRONG_RUN,
                "this gate ledger belongs to another run",
                where=self._path.name,
                next_step="put back the ledger.jsonl and run.json of this job folder",
            )

    def require_begun(self) -> None:
        """Returns if `init` began this ledger. Raises Refused LEDGER_DAMAGED."""
        self._opened()

    def require_key(self, public_key: str) -> None:
        """Returns if this key signs for the run. Raises Refused SIGNATURE_INVALID."""
        if self._opened().public_key != public_key:
            raise Refused(
                Refusal.SIGNATURE_INVALID,
                "identity.key is not the key that this run began with; nothing was done",
                next_step="put back the identity.key of this job folder",
            )

    def _opened(self) -> RunOpened:
        first = next((r.entry for r in self.entries()), None)
        if first is None:
            raise _missing()
        if not isinstance(first, RunOpened):
            raise _damaged(1)
        return first

    def _last_index(self) -> int:
        return self.entries()[-1].index

    def _append(self, entry: Entry) -> int:
        with self._lock:
            self._read()
            return chain.append(self._path, self._clock(), msgspec.to_builtins(entry)).index

    def _read(self) -> _Reading:
        stamp = _stamp(self._path)
        if self._reading is None or self._reading.stamp != stamp:
            self._reading = _verified(self._path, stamp)
        return self._reading


_ANEW: Final = (
    "run init, then settle, then bitewing-agent enroll with a new token of the firm, and take the road anew from stage:"
    " whoever is converted stays"
)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)


def _verified(path: Path, stamp: tuple[int, int]) -> _Reading:
    """The file read from its start, each entry checked against the ones before it."""
    road, entries = Road(), list[Recorded]()
    opened: RunOpened | None = None
    line = 0
    try:
        for link in chain.read(path):
            line = link.index + 1
            entry = msgspec.convert(link.body, Entry)
            opened = opened or _first(entry)
            _check_entry(road, opened, entry, link.at)
            road.apply(link.index, entry)
            entries.append(Recorded(link.index, link.at, entry))
    except chain.ChainBroken as broken:
        raise _damaged(broken.line) from None
    except (msgspec.ValidationError, BitewingError):
        raise _damaged(line) from None
    return _Reading(stamp, tuple(entries), road)


def _first(entry: Entry) -> RunOpened:
    if not isinstance(entry, RunOpened):
        raise _damaged(1)
    return entry


def _check_entry(road: Road, opened: RunOpened, entry: Entry, at: int) -> None:
    """A signature in an entry is checked by the rules that held when it was written."""
    match entry:
        case KeySetRecorded():
            _verified_keyset(road, entry.signed)
        case EvidenceRecorded():
            verify_evidence(entry.signed, opened.public_key)
        case DecisionRecorded() if road.keyset and road.practice:
            verify_decision(
                entry.signed, road.keyset, now=at, practice=road.practice, run=opened.run, author=opened.public_key
            )
            _require_newest(road, entry.signed)
        case DecisionRecorded():
            raise Refused(Refusal.KEYSET_MISSING, "a decision stands before any key set")
        case PhaseBegun():
            road.require_open_before(entry.phase, at)


def _verified_keyset(road: Road, signed: SignedKeySet) -> None:
    if road.root is None:
        raise Refused(Refusal.KEYSET_MISSING, "no root key is pinned here", next_step="enroll the agent first")
    verify_keyset(signed, road.root, newest_seen=road.keyset.version if road.keyset else 0)


def _require_newest(road: Road, signed: SignedDecision) -> None:
    evidence = road.evidence(signed.decision.gate)
    if evidence is None:
        raise Refused(
            Refusal.EVIDENCE_MISSING,
            f"there is no evidence for {signed.decision.gate} to decide on",
            where="ledger.jsonl",
            next_step="see bitewing-engine status; decide once the phase has ended",
        )
    demand_about(signed.decision, evidence.evidence)
    passes(evidence.evidence)


def _damaged(line: int) -> Refused:
    return Refused(
        Refusal.LEDGER_DAMAGED,
        "the gate ledger was changed by something else, so every gate is closed",
        where=f"ledger.jsonl, line {line}",
        next_step=f"put back the newest ledger.jsonl; without one, move this one away, {_ANEW}",
    )


def _missing() -> Refused:
    return Refused(
        Refusal.LEDGER_DAMAGED,
        "the gate ledger is not there, so every gate is closed",
        where="ledger.jsonl",
        next_step=f"put back the newest ledger.jsonl; without one, {_ANEW}",
    )
