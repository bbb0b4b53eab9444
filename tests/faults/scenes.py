"""From where a run starts when the fault happens to it: untouched, or over what an earlier fault left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from engine.failpoints import arm, killing
from engine.plan.reader import Plan
from engine.plan.values import PlannedPatient
from tests.engine.tiny import Tiny
from tests.faults.calls import Call, Kind
from tests.faults.practice import converted
from tests.faults.processes import apart

ATTIC: Final = "attic"  # beside the store: files that a power cut may bring back


def _nothing(tiny: Tiny) -> None:
    return None


def _never(tiny: Tiny, call: Call) -> bool:
    return False


class Part(StrEnum):
    """A part of a run, by the steps at which it begins or ends."""

    WHOLE = "whole"
    RECOVERY = "recovery"  # until the first new attempt begins
    SET_ASIDE = "set aside"  # from when the first patient is set aside


@dataclass(frozen=True, slots=True)
class Scene:
    """`prepare` brings a planned practice to where the run starts. `fails`: a call that fails in this run every time.

    `part` says which part of the run gets faults; the rest of it is like another scene's.
    `unflushed` names entries of the store that the earlier process made and never flushed, `unremoved` those it
    removed without flushing that; such a scene is only for power cuts. `lost`: committed files are missing.
    """

    text: str
    prepare: Callable[[Tiny], None] = _nothing
    fails: Callable[[Tiny, Call], bool] = _never
    part: Part = Part.WHOLE
    unflushed: tuple[str, ...] = ()
    unremoved: bool = False
    lost: bool = False
    on_server: bool = False  # also with its target in PostgreSQL
    top_up: bool = False  # over a finished conversion, of a practice that went on since
    made_keys: bool = False  # into a target whose database makes the keys

    @property
    def only_power(self) -> bool:
        return bool(self.unflushed) or self.unremoved


def kill_at(point: str) -> Callable[[Tiny], None]:
    """A run that died at a passage."""

    def prepare(tiny: Tiny) -> None:
        def run() -> None:
            arm(killing(point))
            converted(tiny)

        if not apart(run).killed:
            raise AssertionError(f"{point} was not passed")

    return prepare


def _files_lost(tiny: Tiny) -> None:
    """Rows of the first patient are committed, and two of its files vanished, one with its folder."""
    kill_at("after-commit:1")(tiny)
    *_, one, other = sorted(image.path for image in _patient(tiny, 1).images)
    (tiny.store / one).unlink()
    (tiny.store / other).unlink()
    (tiny.store / "Images/00/01/00").rmdir() if not any((tiny.store / "Images/00/01/00").iterdir()) else None


def _removed_not_flushed(tiny: Tiny) -> None:
    """Recovery removed every file of a patient and died before it flushed that: they may come back."""
    kill_at("before-commit:1")(tiny)
    files = [image.path for image in _patient(tiny, 1).images]
    attic = tiny.folder.parent / ATTIC
    for path in files:
        (attic / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(tiny.store / path, attic / path)
    kill_at(f"after-remove:{len(files)}")(tiny)


def _second_patients_files_fail(tiny: Tiny, call: Call) -> bool:
    names = {f"{image.target_key:08x}" for image in _patient(tiny, 2).images}
    return call.kind is Kind.FILE and call.name == "create" and call.path is not None and call.path.name in names


SCENES: Final = {
    "first": Scene("the first run over a target that is in use", on_server=True),
    "undo": Scene(
        "a run after a kill between links and commit", kill_at("before-commit:1"), part=Part.RECOVERY, on_server=True
    ),
    "forward": Scene("a run that finds rows committed and files lost", _files_lost, part=Part.RECOVERY, lost=True),
    "set-aside": Scene(
        "a run in which one patient keeps failing", fails=_second_patients_files_fail, part=Part.SET_ASIDE
    ),
    "folders": Scene(
        "a run after a kill between a new folder and its flush",
        kill_at("after-folder:2"),
        unflushed=("Images/00/01", "Images/00/01/00"),
    ),
    "top-up": Scene("a top-up of a practice that went on", on_server=True, top_up=True),
    "top-up-undo": Scene(
        "a top-up after a kill before its commit", kill_at("before-commit:1"), part=Part.RECOVERY, top_up=True
    ),
    "top-up-forward": Scene(
        "a top-up after a kill behind its commit", kill_at("after-commit:1"), part=Part.RECOVERY, top_up=True
    ),
    "made-keys": Scene("the first run into a target whose database makes keys", on_server=True, made_keys=True),
    "made-keys-undo": Scene(
        "a run after a kill between such keys and their commit",
        kill_at("after-keys:1"),
        part=Part.RECOVERY,
        on_server=True,
        made_keys=True,
    ),
    "removal": Scene("a run after a kill between a removal and its flush", _removed_not_flushed, unremoved=True),
}


def attic_files(tiny: Tiny) -> Iterable[tuple[Path, Path]]:
    """What an earlier process removed without flushing it: its place in the store, and its second name."""
    attic = tiny.folder.parent / ATTIC
    return [(tiny.store / path.relative_to(attic), path) for path in sorted(attic.rglob("*")) if path.is_file()]


def _patient(tiny: Tiny, number: int) -> PlannedPatient:
    with closing(Plan(tiny.job.plan_path)) as plan:
        return plan.patient(number)
