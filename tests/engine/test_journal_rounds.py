"""The journal over many nights: it follows one plan after the other, and a patient leaves only with its successor."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.journal import TRANSITIONS, Journal, Recorded, State, recorded
from engine.target.files import PlannedFile
from engine.target.keys import NO_KEYS
from protocol.errors import Refused

RUN = "a" * 32


class Nights(RuleBasedStateMachine):
    """A model beside the journal: what each number's state must be, and which plan it follows."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite"
        self.states: dict[int, State] = {}
        self.changes: dict[int, int | None] = {}
        self.follows: str | None = None
        self.plans = 0

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    @initialize(patients=st.integers(1, 3))
    def first_night(self, patients: int) -> None:
        self.changes = dict.fromkeys(range(1, patients + 1))
        self.held: set[int] = set()
        self.previous: str | None = None
        self._planned()

    def _planned(self) -> None:
        self.plans += 1
        self.plan = f"{self.plans:064}"
        self.journal = Journal(self.path, RUN, self.plan, self.previous)

    def _state(self, number: int) -> State:
        return self.states.get(number, State.NEW)

    def _became(self, number: int, state: State) -> None:
        self.states[number] = state
        self.follows = self.plan
        if state is State.DONE and (left := self.changes[number]) is not None:
            self.states[left] = State.REPLACED

    def _left(self) -> list[int]:
        return [number for number in sorted(self.changes) if self._state(number) is not State.DONE]

    @rule(data=st.data(), to=st.sampled_from([State.INTENT, State.UNDONE, State.DONE, State.SET_ASIDE]))
    def step(self, data: st.DataObject, to: State) -> None:
        """One step of one change; the table allows it, or nothing happens."""
        if not self.changes:
            return
        number = data.draw(st.sampled_from(sorted(self.changes)))
        if to not in TRANSITIONS[self._state(number)]:
            with pytest.raises(ValueError, match="cannot become"):
                self._take(number, to)
            return
        self._take(number, to)
        self._became(number, to)

    @precondition(lambda self: self._left())
    @rule(data=st.data())
    def carried(self, data: st.DataObject) -> None:
        """One change is made, whatever became of it before."""
        number = data.draw(st.sampled_from(self._left()))
        for to in (State.INTENT, State.DONE):
            if self._state(number) is not to:
                self._take(number, to)
                self._became(number, to)

    def _take(self, number: int, to: State) -> None:
        steps = {
            State.INTENT: lambda: self.journal.begin(
                number, NO_KEYS, (PlannedFile(f"Images/{number}", "1" * 64),), self.changes[number]
            ),
            State.UNDONE: lambda: self.journal.undone(number),
            State.DONE: lambda: self.journal.done(number),
            State.SET_ASIDE: lambda: self.journal.set_aside(number, "why"),
        }
        steps[to]()

    @rule()
    def killed_and_opened_again(self) -> None:
        self.journal.close()
        self.journal = Journal(self.path, RUN, self.plan, self.previous)

    @precondition(lambda self: not self._left())
    @rule(data=st.data(), new=st.integers(0, 2))
    def next_night(self, data: st.DataObject, new: int) -> None:
        """Some patients leave, each in a change of its own; some come besides."""
        self.held = {number for number, state in self.states.items() if state is State.DONE}
        leaving = data.draw(st.sets(st.sampled_from(sorted(self.held)))) if self.held else set()
        first = max(self.states, default=0) + 1
        if self.follows == self.plan:
            self.previous = self.plan
        replaced: list[int | None] = [*sorted(leaving), *[None] * new]
        self.changes = dict(enumerate(replaced, start=first))
        self.journal.close()
        self._planned()

    @precondition(lambda self: self.previous is not None and self.follows != self.plan)
    @rule()
    def planned_again_before_it_begins(self) -> None:
        self.journal.close()
        self._planned()

    @precondition(lambda self: self.follows is not None)
    @rule()
    def another_plan_is_refused(self) -> None:
        with pytest.raises(Refused):
            Journal(self.path, RUN, "f" * 64, "e" * 64)

    @invariant()
    def it_says_what_happened(self) -> None:
        if self.plans:
            assert recorded(self.path) == Recorded(self.follows, self.states)
            for state in (State.INTENT, State.UNDONE, State.DONE, State.SET_ASIDE, State.REPLACED):
                assert self.journal.numbers(state) == sorted(n for n, found in self.states.items() if found is state)
            assert self.journal.has_begun() == (self.follows == self.plan)

    @invariant()
    def who_leaves_stands_until_the_successor_does(self) -> None:
        for number, left in self.changes.items() if self.plans else ():
            if left is not None:
                gone = self._state(left) is State.REPLACED
                assert gone == (self._state(number) is State.DONE)


Nights.TestCase.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)
TestNights = Nights.TestCase
