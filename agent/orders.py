"""The desk where orders are judged, carried out and answered: each once, however often it arrives.

The answer is remembered in the same transaction as the event that carries it. A decision is recorded in the ledger
first; if the power fails before the answer is kept, the repeated order finds it there and is answered from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent import boundary, log
from agent.outbox import Outbox
from agent.registrar import Registrar
from agent.road import Hold, NightHold, stuck_on
from engine.ledger import Ledger
from protocol.errors import Refused
from protocol.messages import DecisionOrder, KeySetOrder, Order, OrderBody, Pause, Resume, Stop
from protocol.vocabulary import Alarm, Outcome, Refusal

HOLD, RETRY_OF, LAST_ORDER, NIGHT = "hold", "retry_of", "last_order", "night"

_HOLDS = {Pause: Hold.PAUSED, Resume: Hold.NONE, Stop: Hold.STOPPED}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order; `index` is the ledger entry it left."""

    outcome: Outcome
    refusal: Refusal | None = None
    index: int | None = None


class OrderDesk:
    """`clock` gives UTC seconds; `on_change` is called after an order was carried out, with the hold it set, if any."""

    def __init__(
        self,
        ledger: Ledger,
        outbox: Outbox,
        registrar: Registrar,
        clock: Callable[[], int],
        on_change: Callable[[Hold | None], None],
    ) -> None:
        self._ledger, self._outbox, self._registrar = ledger, outbox, registrar
        self._clock, self._on_change = clock, on_change

    def take(self, order: Order) -> None:
        """Carry the order out and queue its answer; one answered before is only answered again."""
        earlier = self._outbox.answer(order.id)
        if earlier is not None:
            self._outbox.queue(earlier, self._clock(), f"answer:{order.id}")
            return
        answer = self._carry_out(order.body)
        self._keep(order, answer)
        if answer.outcome is Outcome.DONE:
            self._on_change(_HOLDS.get(type(order.body)))

    def _carry_out(self, body: OrderBody) -> Answer:
        try:
            match body:
                case DecisionOrder():
                    return Answer(Outcome.DONE, index=self._registrar.decide(body.signed))
                case KeySetOrder():
                    return Answer(Outcome.DONE, index=self._registrar.adopt(body.signed))
                case Pause() | Stop():
                    return Answer(Outcome.DONE)
                case Resume():
                    self._ledger.entries()  # nothing goes on over a damaged ledger
                    return Answer(Outcome.DONE)
        except Refused as refused:
            return Answer(Outcome.REFUSED, refused.reason)

    def _keep(self, order: Order, answer: Answer) -> None:
        report = boundary.result(order.id, answer.outcome, answer.refusal, answer.index)
        with self._outbox.step():
            self._outbox.answered(order.id, report.body)
            self._outbox.queue(report.body, self._clock())
            self._outbox.remember(LAST_ORDER, order.id)
            if answer.outcome is Outcome.DONE:
                self._hold(order.body)
            if answer.refusal is not None:
                log.tell("order-refused", order=order.id, refusal=answer.refusal)
            for code in _alarms(answer.refusal):
                raised = boundary.alarm(code)
                self._outbox.queue(raised.body, self._clock(), raised.slot)

    def _hold(self, body: OrderBody) -> None:
        hold = _HOLDS.get(type(body))
        if hold is None:
            return
        self._outbox.remember(HOLD, hold.value)
        if hold is Hold.NONE:
            self._outbox.remember(RETRY_OF, stuck_on(self._ledger.standings()))
            forget_night(self._outbox)


_FOR_A_PERSON = "held"  # what stands in the place of a time when a person must order resume


def remember_night(outbox: Outbox, resumes_at: int | None) -> None:
    """Conversion holds until `resumes_at` (UTC seconds), or until a person orders resume; over restarts, too."""
    outbox.remember(NIGHT, _FOR_A_PERSON if resumes_at is None else str(resumes_at))


def forget_night(outbox: Outbox) -> None:
    """Conversion may be tried again; whether it may begin at this hour, the engine says."""
    outbox.remember(NIGHT, "")


def night_hold(outbox: Outbox, now: int) -> NightHold | None:
    """What holds conversion at `now` (UTC seconds); None once its time has come."""
    fact = outbox.fact(NIGHT, "")
    if not fact:
        return None
    resumes_at = None if fact == _FOR_A_PERSON else int(fact)
    return None if resumes_at is not None and resumes_at <= now else NightHold(resumes_at)


def _alarms(refusal: Refusal | None) -> tuple[Alarm, ...]:
    if refusal is None:
        return ()
    causes = {Refusal.LEDGER_DAMAGED: Alarm.LEDGER_DAMAGED, Refusal.DECISION_FROM_FUTURE: Alarm.CLOCK_SKEWED}
    return tuple(filter(None, (Alarm.ORDER_REFUSED, causes.get(refusal))))
