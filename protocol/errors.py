"""The error tree. Every error says what happened, where (never with patient data), and what to do next.

BitewingError
 +-- UsageProblem          exit 2   the command line, job.toml or a profile is wrong
 +-- Refused               exit 3   a gate is closed, a signature is missing, the job is held by another process
 +-- Interrupted           exit 4   stopped half-way; the same command resumes
 |    +-- NightOver        exit 4   the practice opens or is open; `resumes_at` is when it may go on by itself
 +-- EnvironmentProblem    exit 5   database, disk or network
 +-- ProtocolViolation     exit 5   the other side said something outside the language
"""

from __future__ import annotations

from typing import ClassVar

from protocol.vocabulary import ExitCode, Refusal


class BitewingError(Exception):
    """What happened, where, and what to do next. `exit_code` is how a command that meets it ends."""

    exit_code: ClassVar[ExitCode] = ExitCode.ENVIRONMENT

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what, self.where, self.next_step = what, where, next_step
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\nNext: {self.next_step}" if self.next_step else ""
        return f"{place}{self.what}{advice}"


class UsageProblem(BitewingError):
    """The command line, job.toml or a profile is wrong; `where` names file and line."""

    exit_code = ExitCode.USAGE


class Refused(BitewingError):
    """Something is not allowed now; `reason` says which rule refused it."""

    exit_code = ExitCode.REFUSED

    def __init__(self, reason: Refusal, what: str, *, where: str = "", next_step: str = "") -> None:
        self.reason = reason
        super().__init__(what, where=where, next_step=next_step)


class Interrupted(BitewingError):
    """Stopped on request or at the deadline; nothing is half done, the same command resumes."""

    exit_code = ExitCode.INTERRUPTED


class NightOver(Interrupted):
    """The practice opens, or is open. `resumes_at` (UTC seconds): when the work may go on; None: when a person says."""

    def __init__(self, what: str, *, resumes_at: int | None, where: str = "", next_step: str = "") -> None:
        self.resumes_at = resumes_at
        super().__init__(what, where=where, next_step=next_step)


class EnvironmentProblem(BitewingError):
    """Database, disk or network did not do what was asked."""

    exit_code = ExitCode.ENVIRONMENT


class ProtocolViolation(BitewingError):
    """A frame or statement outside the closed language; `rule` and `where` (a field path) never tell the value."""

    def __init__(self, rule: str, *, where: str = "", next_step: str = "") -> None:
        self.rule = rule
        super().__init__(f"refused by rule {rule}", where=where, next_step=next_step)
