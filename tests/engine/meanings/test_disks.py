"""What an operating system means by its numbers: in words, with what to do, and without a path."""

from __future__ import annotations

import errno
import os

import pytest

from engine.meanings import disks
from engine.meanings.meaning import Meaning, Remedy

SECRET = "ødegård"
ON_LINUX = [
    (errno.ENOSPC, Remedy.REPAIR, "full"),
    (errno.EDQUOT, Remedy.REPAIR, "quota"),
    (errno.EROFS, Remedy.REPAIR, "read-only"),
    (errno.EACCES, Remedy.REPAIR, "access"),
    (errno.EPERM, Remedy.REPAIR, "access"),
    (errno.ENODEV, Remedy.REPAIR, "gone"),
    (errno.ENOENT, Remedy.REPAIR, "not there"),
    (errno.ESTALE, Remedy.REPAIR, "network share"),
    (errno.EHOSTDOWN, Remedy.REPAIR, "network share"),
    (errno.EIO, Remedy.AGAIN, "reports errors"),
    (errno.EBUSY, Remedy.AGAIN, "another program"),
    (errno.ENAMETOOLONG, Remedy.REPAIR, "longer than"),
    (errno.EMFILE, Remedy.REPAIR, "too many files"),
    (errno.ENOMEM, Remedy.AGAIN, "short of memory"),
    (errno.EOPNOTSUPP, Remedy.REPAIR, "hard links"),
    (errno.EXDEV, Remedy.REPAIR, "hard links"),
]
ON_WINDOWS = [
    (112, Remedy.REPAIR, "full"),
    (39, Remedy.REPAIR, "full"),
    (1295, Remedy.REPAIR, "quota"),
    (19, Remedy.REPAIR, "read-only"),
    (5, Remedy.REPAIR, "access"),
    (21, Remedy.REPAIR, "gone"),
    (53, Remedy.REPAIR, "network share"),
    (64, Remedy.REPAIR, "network share"),
    (32, Remedy.AGAIN, "another program"),
    (33, Remedy.AGAIN, "another program"),
    (206, Remedy.REPAIR, "longer than"),
    (1117, Remedy.AGAIN, "reports errors"),
]


def raised(number: int, windows: int | None = None) -> OSError:
    error = OSError(number, os.strerror(number), f"/store/{SECRET}.dcm")
    error.winerror = windows  # type: ignore[attr-defined,unused-ignore]
    return error


@pytest.mark.parametrize(("number", "remedy", "word"), ON_LINUX)
def test_each_number_has_words(number: int, remedy: Remedy, word: str) -> None:
    require(disks.meaning_of(raised(number)), remedy, word)


@pytest.mark.parametrize(("number", "remedy", "word"), ON_WINDOWS)
def test_windows_own_number_says_more_than_the_errno_made_of_it(number: int, remedy: Remedy, word: str) -> None:
    require(disks.meaning_of(raised(errno.EINVAL, number)), remedy, word)


def require(meaning: Meaning, remedy: Remedy, word: str) -> None:
    assert meaning.remedy is remedy
    assert word in meaning.what and meaning.next_step
    assert SECRET not in meaning.what + meaning.next_step and "Error" not in meaning.what


def test_a_link_that_fat_refuses_is_no_question_of_rights() -> None:
    refused = OSError(errno.EPERM, "Operation not permitted", "/incoming/1", None, f"/store/{SECRET}")
    assert disks.meaning_of(refused) is disks.NO_LINKS


def test_a_number_nobody_knows_is_told_in_the_systems_words_and_tried_again() -> None:
    meaning = disks.meaning_of(raised(errno.EDOM))
    assert meaning.remedy is Remedy.AGAIN and os.strerror(errno.EDOM) in meaning.what
    assert SECRET not in meaning.what


def test_advice_ends_with_the_command_to_run_again() -> None:
    assert disks.FULL.next_with("run convert again") == "make room on that disk; then run convert again"
    assert disks.meaning_of(raised(errno.EDOM)).next_with("run convert again") == "run convert again"
