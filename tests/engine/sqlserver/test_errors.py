"""What SQL Server's numbers mean, from errors as Microsoft's driver words them; nothing of their text is repeated."""

from __future__ import annotations

import pytest

from engine.meanings.meaning import LOST, SLOW, Remedy
from engine.sqlserver.errors import label_of, meaning_of, numbers_of, state_of
from engine.sqlserver.meanings import BY_NUMBER, BY_STATE, UNREACHABLE, UNTRUSTED

_MAKER = "[Microsoft][ODBC Driver 18 for SQL Server]"


class _Error(Exception):
    """Arguments as pyodbc's errors have them: SQLSTATE, text."""


def said(state: str, text: str, number: int = 0, call: str = "SQLExecDirectW", server: bool = True) -> _Error:
    return _Error(state, f"[{state}] {_MAKER}{'[SQL Server]' if server else ''}{text} ({number}) ({call})")


DEADLOCK = said("40001", "Transaction (Process ID 52) was deadlocked on lock resources. Rerun the transaction.", 1205)
DUPLICATE = said("23000", "Violation of PRIMARY KEY constraint. The duplicate key value is (Ana Ødegård).", 2627)
CASES = [
    (DEADLOCK, Remedy.AGAIN),
    (DUPLICATE, Remedy.NEVER),
    (said("HYT00", "Lock request time out period exceeded.", 1222), Remedy.REPAIR),
    (said("42000", "Could not allocate space for object in database 'DEXIS'.", 1105), Remedy.REPAIR),
    (said("42000", "The transaction log for database 'DEXIS' is full.", 9002), Remedy.REPAIR),
    (said("42000", "Failed to update database because the database is read-only.", 3906), Remedy.REPAIR),
    (said("42000", "The INSERT permission was denied on the object 'Person'.", 229), Remedy.REPAIR),
    (said("28000", "Login failed for user 'dex'.", 18456, "SQLDriverConnect"), Remedy.REPAIR),
    (said("42000", "String or binary data would be truncated in table 'DEXIS'.", 2628), Remedy.NEVER),
    (said("23000", "The INSERT statement conflicted with the FOREIGN KEY constraint.", 547), Remedy.NEVER),
    (said("08S01", "TCP Provider: Error code 0x68", 104, server=False), Remedy.REPAIR),
    (
        said("42000", "Cannot open backup device 'D:\\core.bak'. Operating system error 5(Access is denied.).", 3201),
        Remedy.REPAIR,
    ),
]


@pytest.mark.parametrize(("error", "remedy"), CASES)
def test_whether_trying_again_helps_follows_from_the_number(error: _Error, remedy: Remedy) -> None:
    meaning = meaning_of(error)
    assert meaning is not None
    assert meaning.remedy is remedy


def test_several_diagnostics_of_one_error_are_read() -> None:
    both = _Error("01000", f"[01000] {_MAKER}The statement has been terminated. (3621); {DEADLOCK.args[1]}")
    assert 1205 in numbers_of(both)
    assert meaning_of(both) is BY_NUMBER[1205]


def test_an_error_before_any_login_is_told_by_its_state() -> None:
    slow = said("HYT00", "Login timeout expired", 0, "SQLDriverConnect", server=False)
    assert meaning_of(slow) is UNREACHABLE
    assert meaning_of(said("HYT00", "Query timeout expired", 0, server=False)) is SLOW
    untrusted = said("08001", "SSL Provider: certificate verify failed:self-signed certificate", -1, server=False)
    assert meaning_of(untrusted) is UNTRUSTED
    assert meaning_of(said("08S01", "Communication link failure", 0, server=False)) is LOST


@pytest.mark.canary
def test_nothing_of_the_servers_text_is_repeated() -> None:
    meaning = meaning_of(DUPLICATE)
    assert meaning is not None
    told = f"{label_of(DUPLICATE)} {meaning.what} {meaning.next_step}"
    assert label_of(DUPLICATE) == "23000 2627"
    assert "Ødegård" not in told


@pytest.mark.parametrize("error", [_Error(), _Error("no state"), _Error("HY000", "text without number"), _Error(7, 8)])
def test_what_is_not_known_stays_unknown(error: _Error) -> None:
    assert meaning_of(error) is None
    assert numbers_of(error) == ()
    assert state_of(error) in ("", "HY000")


@pytest.mark.parametrize("meaning", [*dict.fromkeys((*BY_NUMBER.values(), *BY_STATE.values()))])
def test_every_meaning_says_what_to_do_next(meaning: object) -> None:
    assert getattr(meaning, "what", "")
    assert getattr(meaning, "next_step", "")
