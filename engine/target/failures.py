"""Why an attempt at a patient failed, where, and whether trying again can help."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from engine.defects import spot
from engine.imaging.problem import ImageProblem
from engine.meanings import disks
from engine.meanings.meaning import Meaning, Remedy
from engine.target.notice import Notice
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import FindingCode


class Kind(StrEnum):
    """What to do about a failure."""

    TRANSIENT = "transient"  # try again; if it keeps failing, set the patient aside
    ENVIRONMENT = "environment"  # try again; if it keeps failing, no other patient will fare better: stop the run
    PERMANENT = "permanent"  # trying again gives the same: set the patient aside


KIND_OF: Final[Mapping[Remedy, Kind]] = {
    Remedy.AGAIN: Kind.TRANSIENT,
    Remedy.REPAIR: Kind.ENVIRONMENT,
    Remedy.NEVER: Kind.PERMANENT,
}
_DO_SOMETHING: Final = "put that right"


class Failure(Exception):
    """One attempt failed. `detail` is a sentence without patient data; `notice` is a finding that explains it.

    `where` names the disk or database by its key in job.toml, `next_step` what a person does about it.
    """

    def __init__(
        self, kind: Kind, detail: str, notice: Notice | None = None, where: str = "", next_step: str = ""
    ) -> None:
        self.kind, self.detail, self.notice, self.where, self.next_step = kind, detail, notice, where, next_step
        super().__init__(detail)

    def __reduce__(self) -> tuple[type[Failure], tuple[Kind, str, Notice | None, str, str]]:
        return type(self), (self.kind, self.detail, self.notice, self.where, self.next_step)

    @property
    def told(self) -> str:
        """Where and what, in one sentence."""
        return f"{self.where}: {self.detail}" if self.where else self.detail

    def of_environment(self) -> Failure:
        """The same, where it is known that no other patient fares better."""
        return Failure(Kind.ENVIRONMENT, self.detail, self.notice, self.where, self.next_step)

    def ends(self, command: str) -> EnvironmentProblem:
        """What a command says that this failure ends; `command` is how it goes on: "run convert again"."""
        meaning = Meaning(Remedy.REPAIR, self.detail, self.next_step or _DO_SOMETHING)
        return EnvironmentProblem(self.detail, where=self.where or "conversion", next_step=meaning.next_with(command))


def failure_of(meaning: Meaning, where: str) -> Failure:
    """The failure that a refusal of this meaning is, at `where`."""
    return Failure(KIND_OF[meaning.remedy], meaning.what, where=where, next_step=meaning.next_step)


def explained(error: Exception, where: str = "") -> Failure:
    """Any error of an attempt at files as a Failure at `where`; `database_failures` knows the database's."""
    match error:
        case Failure():
            return error
        case ImageProblem():
            return Failure(Kind.PERMANENT, error.detail, Notice(error.code, detail=error.detail))
        case FileExistsError():
            return Failure(Kind.PERMANENT, "a planned path is taken", Notice(FindingCode.PATH_TAKEN))
        case OSError():
            return failure_of(disks.meaning_of(error), where)
        case MemoryError():
            return failure_of(disks.MEMORY, where="")
    return Failure(Kind.PERMANENT, f"a defect in Bitewing ({spot(error)}): report it")
