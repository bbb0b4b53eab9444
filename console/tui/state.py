"""What the console knows, and how each event changes it: (state, event) -> state. Pure; no clock, no sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

import msgspec

from console.verdicts import Judgement, judge
from console.wire import FleetView, PracticeView, Verb
from protocol.vocabulary import DecisionVerdict, Gate, Refusal, Role


class Link(StrEnum):
    """The connection to the hub."""

    CONNECTING = "connecting"  # nothing was heard yet
    LIVE = "live"
    LOST = "lost"  # coming back by itself; what is shown stays true of `heard_at`
    ENDED = "ended"  # trying again cannot help; `problem` says why


class Order(StrEnum):
    """What the fleet is sorted by."""

    URGENCY = "what needs me"
    CODE = "code"
    FINISH = "finish"
    HEARD = "last heard"


@dataclass(frozen=True, slots=True)
class Me:
    """The operator at this console. The role in the key set counts; this one serves until the fleet has come."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Sent:
    """A decision that left this console. `refusal` is the hub's answer, `problem` why it may not have arrived."""

    practice: str
    gate: Gate
    verdict: DecisionVerdict
    evidence: str
    sent_at: int
    answered_at: int | None = None
    refusal: Refusal | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A pause or resume that left this console, and what the hub said."""

    verb: Verb
    asked_at: int
    answered_at: int | None = None
    refusal: Refusal | None = None
    problem: str | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the hub has it."""
        return self.answered_at is not None and self.refusal is None and self.problem is None


@dataclass(frozen=True, slots=True)
class State:
    """Everything the screens show. `fleet` is the newest one without its practices, which are in `practices` by id."""

    me: Me
    link: Link = Link.CONNECTING
    fleet: FleetView | None = None
    practices: Mapping[str, PracticeView] = field(default_factory=lambda: MappingProxyType({}))
    heard_at: int | None = None
    retry_at: float | None = None
    problem: str = ""
    next_step: str = ""
    order: Order = Order.URGENCY
    words: str = ""
    faults_only: bool = False
    needs_me_only: bool = False
    sent: Mapping[str, Sent] = field(default_factory=lambda: MappingProxyType({}))
    asked: Mapping[str, Asked] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def role(self) -> Role:
        """My role by the key set in force."""
        operators = self.fleet.operators if self.fleet else ()
        return next((one.role for one in operators if one.id == self.me.id), self.me.role)


@dataclass(frozen=True, slots=True)
class FleetHeard:
    """The whole fleet came."""

    fleet: FleetView
    at: int


@dataclass(frozen=True, slots=True)
class PracticeHeard:
    """One practice came."""

    practice: PracticeView
    at: int


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The hub cannot be reached; the next attempt is at `retry_at`."""

    retry_at: float


@dataclass(frozen=True, slots=True)
class LinkEnded:
    """The hub will not be reached by trying again."""

    problem: str
    next_step: str


@dataclass(frozen=True, slots=True)
class DecisionSent:
    """A signed decision, named by its digest, is on its way to the hub."""

    decision: str
    sent: Sent


@dataclass(frozen=True, slots=True)
class DecisionAnswered:
    """The hub stored it (neither refusal nor problem), refused it, or was not reached."""

    decision: str
    at: int
    refusal: Refusal | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CommandSent:
    """A pause or resume is on its way to the hub."""

    practice: str
    verb: Verb
    at: int


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """The hub's answer to a pause or resume."""

    practice: str
    at: int
    refusal: Refusal | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class OrderTurned:
    """Sort the fleet by the next order."""


@dataclass(frozen=True, slots=True)
class WordsTyped:
    """Show the practices that contain these words."""

    words: str


@dataclass(frozen=True, slots=True)
class FaultsToggled:
    """Show only what is in trouble, or everything again."""


@dataclass(frozen=True, slots=True)
class NeedsMeToggled:
    """Show only what needs me, or everything again."""


Event = (
    FleetHeard
    | PracticeHeard
    | LinkLost
    | LinkEnded
    | DecisionSent
    | DecisionAnswered
    | CommandSent
    | CommandAnswered
    | OrderTurned
    | WordsTyped
    | FaultsToggled
    | NeedsMeToggled
)


def after(state: State, event: Event) -> State:
    """The state once `event` has happened."""
    match event:
        case FleetHeard() | PracticeHeard() | LinkLost() | LinkEnded():
            return _after_news(state, event)
        case DecisionSent() | DecisionAnswered() | CommandSent() | CommandAnswered():
            return _after_order(state, event)
        case OrderTurned():
            orders = list(Order)
            return replace(state, order=orders[(orders.index(state.order) + 1) % len(orders)])
        case WordsTyped(words):
            return replace(state, words=words)
        case FaultsToggled():
            return replace(state, faults_only=not state.faults_only)
        case NeedsMeToggled():
            return replace(state, needs_me_only=not state.needs_me_only)


def _after_news(state: State, event: FleetHeard | PracticeHeard | LinkLost | LinkEnded) -> State:
    match event:
        case FleetHeard(fleet, at):
            practices = MappingProxyType({one.id: one for one in fleet.practices})
            head = msgspec.structs.replace(fleet, practices=())
            return replace(state, link=Link.LIVE, fleet=head, practices=practices, heard_at=at, retry_at=None)
        case PracticeHeard(practice, at):
            known = MappingProxyType({**state.practices, practice.id: practice})
            return _forget_obeyed(replace(state, practices=known, heard_at=at), practice.id)
        case LinkLost(retry_at):
            return replace(state, link=Link.LOST, retry_at=retry_at)
        case LinkEnded(problem, next_step):
            return replace(state, link=Link.ENDED, retry_at=None, problem=problem, next_step=next_step)


def _after_order(state: State, event: DecisionSent | DecisionAnswered | CommandSent | CommandAnswered) -> State:
    match event:
        case DecisionSent(decision, sent):
            return replace(state, sent=MappingProxyType({**state.sent, decision: sent}))
        case DecisionAnswered(decision, at, refusal, problem):
            answered = replace(state.sent[decision], answered_at=at, refusal=refusal, problem=problem)
            return replace(state, sent=MappingProxyType({**state.sent, decision: answered}))
        case CommandSent(practice, verb, at):
            return replace(state, asked=MappingProxyType({**state.asked, practice: Asked(verb, at)}))
        case CommandAnswered(practice, at, refusal, problem):
            if practice not in state.asked:
                return state
            told = replace(state.asked[practice], answered_at=at, refusal=refusal, problem=problem)
            heard = replace(state, asked=MappingProxyType({**state.asked, practice: told}))
            return _forget_obeyed(heard, practice) if told.is_stored else heard


def _forget_obeyed(state: State, practice: str) -> State:
    """A pause or resume is settled once the agent says that it is as asked."""
    asked, known = state.asked.get(practice), state.practices.get(practice)
    if asked is None or known is None or known.paused is not (asked.verb is Verb.PAUSE):
        return state
    return replace(state, asked=MappingProxyType({key: one for key, one in state.asked.items() if key != practice}))


def judgement_of(state: State, practice: PracticeView, gate: Gate, now: int) -> Judgement | None:
    """The gate as this console judges it; None before the fleet has come."""
    return judge(practice, gate, state.fleet, state.me.id, now) if state.fleet else None
