"""The work on one patient as it is given to a worker process, and what comes back.

The workshop with its decoders is loaded only in the process that does the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from engine.model import PatientRecord
from engine.plan.values import PlannedPatient
from engine.profiles.schema import TargetProfile
from engine.target.failures import Failure
from engine.target.files import PlannedFile
from engine.target.keys import Keys
from engine.target.notice import Notice

if TYPE_CHECKING:  # the one brings SQLAlchemy, the other every decoder
    from engine.target.fit import Holder
    from engine.target.workshop import Workshop


KILLS_THE_DECODER: Final = "kills the decoder"  # what is said of a file that ends every process which decodes it


@dataclass(frozen=True, slots=True)
class Work:
    """One patient to look at, with the keys it would get; `lethal` images end the process that looks at them."""

    number: int
    record: PatientRecord
    keys: Keys
    lethal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A patient as planned, everything noticed on the way, and how many attempts to write were refused."""

    patient: PlannedPatient
    notices: tuple[Notice, ...]
    writes_refused: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A patient's files as they lie verified in the incoming folder: (name there, final file)."""

    files: tuple[tuple[str, PlannedFile], ...]


# In a worker process: the one workshop, set up once. A process pool calls functions, so it has to stand somewhere.
_workshop: list[Workshop] = []


def set_up(
    profile: TargetProfile,
    store_roots: tuple[Path, ...],
    job: Path,
    columns: Mapping[str, Holder] = MappingProxyType({}),
) -> None:
    """Prepares this process for `survey` and `prepare`. The profile comes judged: a worker parses no statement.

    A survey holds every value against the target's `columns`.
    """
    from engine.target.workshop import Workshop  # noqa: PLC0415 - for a worker alone

    _workshop[:] = [Workshop(profile, store_roots, job, columns)]


def survey(work: Work) -> Surveyed:
    return _workshop[0].survey(work)


def prepare(task: tuple[PlannedPatient, Path]) -> Prepared | Failure:
    patient, incoming = task
    return _workshop[0].prepare(patient, incoming)
