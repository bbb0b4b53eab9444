"""The agent's files in the job folder, and what enrolment left there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from filelock import FileLock, Timeout

from engine.identity import write_private
from protocol.errors import EnvironmentProblem, Refused, UsageProblem
from protocol.vocabulary import Refusal

Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Hex64 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
HubUrl = Annotated[str, msgspec.Meta(pattern=r"\Awss://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9/_.\-]*)?\Z", max_length=300)]
ProxyUrl = Annotated[str, msgspec.Meta(pattern=r"\Ahttps?://\S+\Z", max_length=300)]


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """agent.json: which hub, which practice, whose signatures. `proxy` is used only if it stands here."""

    hub: HubUrl
    practice: Id
    root: Hex64
    proxy: ProxyUrl | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """Where the agent keeps what. The folder is the job's own."""

    folder: Path

    @property
    def enrolment(self) -> Path:
        return self.folder / "agent.json"

    @property
    def certificate(self) -> Path:
        return self.folder / "agent.pem"

    @property
    def authority(self) -> Path:
        return self.folder / "agent-ca.pem"

    @property
    def identity(self) -> Path:
        return self.folder / "identity.key"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox.sqlite"

    @property
    def egress(self) -> Path:
        return self.folder / "egress.jsonl"

    @property
    def status(self) -> Path:
        return self.folder / "status.json"

    @property
    def engine_log(self) -> Path:
        return self.folder / "engine.log"

    @property
    def lock(self) -> FileLock:
        return FileLock(self.folder / "agent.lock", timeout=0)


def read_enrolment(home: Home) -> Enrolment:
    """What `enroll` left. Raises UsageProblem."""
    try:
        return msgspec.json.decode(home.enrolment.read_bytes(), type=Enrolment)
    except FileNotFoundError:
        raise UsageProblem(
            "this agent is not enrolled",
            where=str(home.enrolment),
            next_step="ask the firm for a token, then run bitewing-agent --job DIR enroll TOKEN",
        ) from None
    except msgspec.DecodeError:
        raise UsageProblem(
            "damaged, or not written by enroll", where=str(home.enrolment), next_step="restore it, or enroll again"
        ) from None


def read_authority(home: Home) -> str:
    """The firm's authority that enrolment left, as PEM. Raises UsageProblem."""
    try:
        return home.authority.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageProblem(
            "the firm's authority is missing or damaged",
            where=str(home.authority),
            next_step="restore agent-ca.pem, or enroll again",
        ) from problem


def write_enrolment(home: Home, enrolment: Enrolment) -> None:
    """Written last, so that its presence says that enrolment is complete."""
    write_private(home.enrolment, msgspec.json.format(msgspec.json.encode(enrolment)) + b"\n")


def check_proxy(proxy: str | None) -> str | None:
    """The proxy as it may stand in agent.json. Raises UsageProblem."""
    try:
        return msgspec.convert(proxy, ProxyUrl | None)
    except msgspec.ValidationError:
        raise UsageProblem("not an HTTP proxy", where="--proxy", next_step="write http://HOST:PORT") from None


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """The right to be this job's only agent. Raises Refused JOB_HELD, EnvironmentProblem."""
    lock = home.lock
    try:
        lock.acquire()
    except Timeout:
        raise Refused(
            Refusal.JOB_HELD,
            "another agent already works in this job folder",
            where=home.folder.name,
            next_step="see bitewing-agent --job DIR status; stop the other one first",
        ) from None
    except OSError as problem:
        raise EnvironmentProblem(
            "the job folder cannot be written", where=home.folder.name, next_step="check permissions and free space"
        ) from problem
    try:
        yield
    finally:
        lock.release()


def is_running(home: Home) -> bool:
    """Whether an agent works in this job folder now."""
    lock = home.lock
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
