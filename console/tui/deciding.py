"""Signing a decision: opening the key is slow on purpose, so this runs beside the screen."""

from __future__ import annotations

from dataclasses import dataclass

from console.decisions import make_decision
from console.tui.ports import Operator
from console.verdicts import Judgement
from console.wire import PracticeView
from protocol.keyset import Policy
from protocol.statements import SignedDecision, sign_decision
from protocol.vocabulary import DecisionVerdict


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants to say of the evidence that they have read, as judged then."""

    practice: PracticeView
    judgement: Judgement
    verdict: DecisionVerdict
    policy: Policy


def sign(operator: Operator, passphrase: str, wish: Wish, *, nonce: str, now: int) -> SignedDecision:
    """The signed decision. Raises UsageProblem for a wrong passphrase, Refused for evidence that cannot be approved."""
    decision = make_decision(wish.practice, wish.judgement, wish.verdict, wish.policy, nonce=nonce, now=now)
    return sign_decision(decision, operator.unlock(passphrase))
