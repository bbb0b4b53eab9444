"""How a phase's process ended, and whether and when to try again. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from agent.pace import RETRY
from protocol.vocabulary import ExitCode, Outcome, Phase

MOST_CRASHES = 5  # in a row without a patient more done; then a person must look


WORRYING = 10  # fruitless tries in a row: about five minutes of a database that does not answer


class Ending(Enum):
    """How the process ended."""

    FINISHED = auto()  # the phase ended and its evidence stands, whatever it says
    INTERRUPTED = auto()  # stopped between two patients; the same command resumes
    NIGHT_OVER = auto()  # stopped because the practice opens, or not begun because it is open
    REFUSED = auto()  # a gate is closed, or an orphan still holds the job
    UNAVAILABLE = auto()  # database, disk or network
    UNUSABLE = auto()  # job.toml or a profile is wrong: trying again cannot help
    CRASHED = auto()  # killed, or died without a word


_ENDINGS: Mapping[int, Ending] = {
    ExitCode.USAGE: Ending.UNUSABLE,
    ExitCode.REFUSED: Ending.REFUSED,
    ExitCode.INTERRUPTED: Ending.INTERRUPTED,
    ExitCode.ENVIRONMENT: Ending.UNAVAILABLE,
}

OUTCOMES = {
    Ending.INTERRUPTED: Outcome.INTERRUPTED,
    Ending.REFUSED: Outcome.REFUSED,
    Ending.UNAVAILABLE: Outcome.FAILED,
    Ending.UNUSABLE: Outcome.FAILED,
    Ending.CRASHED: Outcome.FAILED,
}
"""What the hub is told of a phase whose process did not say itself how it ended."""


NIGHT_OVER = (Outcome.DEADLINE, Outcome.UNTIL_EVENING)
"""Outcomes after which nothing is tried again until a person, or the evening, says so."""


def judge_exit(code: int, said: Outcome | None) -> Ending:
    """`said` is the outcome in the child's own last word; an exit code of 0 or 1 without it is a crash."""
    if code == ExitCode.INTERRUPTED and said in NIGHT_OVER:
        return Ending.NIGHT_OVER
    if code in (ExitCode.DONE, ExitCode.ANSWER_IS_NO):
        return Ending.FINISHED if said in (Outcome.DONE, Outcome.ANSWER_IS_NO) else Ending.CRASHED
    return _ENDINGS.get(code, Ending.CRASHED)


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is remembered of the tries of one phase: how many in a row led nowhere, and the most images ever done."""

    phase: Phase
    fruitless: int = 0
    crashes: int = 0
    images: int = 0
    gave_up: bool = False

    def after(self, ending: Ending, images: int) -> Attempts:
        """One more try ended, with `images` done. Progress forgives what went before, and so does a night's end."""
        if ending in (Ending.FINISHED, Ending.NIGHT_OVER):
            return Attempts(self.phase)
        before = Attempts(self.phase, images=images) if images > self.images else self
        crashes = before.crashes + (ending is Ending.CRASHED)
        gave_up = ending is Ending.UNUSABLE or crashes >= MOST_CRASHES
        return replace(before, fruitless=before.fruitless + 1, crashes=crashes, gave_up=gave_up)

    def is_worrying(self, ending: Ending) -> bool:
        """Whether the firm should hear of it: a crash, or help from outside that does not come."""
        return ending is Ending.CRASHED or self.fruitless == WORRYING

    def delay(self, ending: Ending, random: Callable[[], float]) -> float:
        """Seconds to wait: a first interruption is resumed at once, everything else backs off with full jitter."""
        if ending is Ending.INTERRUPTED and self.fruitless <= 1:
            return 0.0
        return RETRY.delay(self.fruitless, random)
