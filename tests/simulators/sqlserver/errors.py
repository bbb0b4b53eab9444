"""SQL Server's errors: which number it gives to what PostgreSQL refuses, and the words around it.

Facts: learn.microsoft.com, "Database Engine events and errors". The words are shortened; the product reads numbers only.
"""

# ruff: noqa: PLR0911, E501 - a type or a node a line
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg


@dataclass
class Refused(Exception):
    """An error of the server. `state` as the server gives it; `ends` says whether the transaction goes with it."""

    number: int
    text: str
    severity: int = 16
    ends: bool = False

    def __str__(self) -> str:
        return f"{self.number}: {self.text}"


def not_modelled(what: str) -> Refused:
    """The stand-in's own error: said instead of guessing."""
    return Refused(50_000, f"The stand-in does not model this: {what}")


_BY_STATE: Final = {
    "23502": (
        515,
        "Cannot insert the value NULL into column '{column}', table '{table}'; column does not allow nulls.",
    ),
    "23503": (547, 'The statement conflicted with the FOREIGN KEY constraint "{constraint}".'),
    "23514": (547, 'The statement conflicted with the CHECK constraint "{constraint}".'),
    "22008": (242, "The conversion of a data type to {message} resulted in an out-of-range value."),
    "22007": (241, "Conversion failed when converting date and/or time from character string."),
    "22P02": (245, "Conversion failed when converting the value to the data type of the column."),
    "22003": (8115, "Arithmetic overflow error converting expression to data type {message}."),
    "22012": (8134, "Divide by zero error encountered."),
    "42P01": (208, "Invalid object name '{name}'."),
    "3F000": (208, "Invalid object name '{name}'."),
    "42703": (207, "Invalid column name '{name}'."),
    "42P07": (2714, "There is already an object named '{name}' in the database."),
    "42601": (102, "Incorrect syntax near '{name}'."),
    "42804": (206, "Operand type clash."),
    "42883": (8117, "Operand data type is invalid for the operator or function: {message}"),
    "53100": (1105, "Could not allocate space in the database because the filegroup is full."),
    "54001": (191, "Some part of your SQL statement is nested too deeply."),
}


def explained(error: psycopg.Error, named: str = "") -> Refused:
    """What SQL Server says where PostgreSQL said `error`."""
    about, state = error.diag, error.sqlstate or ""
    match state:
        case "23505":
            return _duplicate(about)
        case "22001":
            place, _, column = (about.message_primary or "").partition("/")
            cut = about.message_detail or ""
            text = f"String or binary data would be truncated in table '{place}', column '{column}'. Truncated value: '{cut}'."
            return Refused(2628, text)
        case "40P01":
            text = (
                "Transaction was deadlocked on lock resources with another process and has been chosen as the victim."
            )
            return Refused(1205, text, 13, ends=True)
        case "40001":
            text = "Snapshot isolation transaction aborted due to update conflict."
            return Refused(3960, text, 16, ends=True)
        case "55P03":
            return Refused(1222, "Lock request time out period exceeded.")
        case "57014":
            return Refused(0, "cancelled")
    if state not in _BY_STATE:
        return Refused(50_000, f"The stand-in's store said {state}: {about.message_primary}")
    number, words = _BY_STATE[state]
    name = _quoted(about.message_primary or "")
    facts = {"column": about.column_name, "table": about.table_name, "constraint": about.constraint_name}
    return Refused(number, words.format(name=name, message=about.message_primary, **facts))


def _quoted(message: str) -> str:
    return message.split('"')[1] if message.count('"') > 1 else message


def _duplicate(about: psycopg.errors.Diagnostic) -> Refused:
    name, table = about.constraint_name or "", f"{about.schema_name}.{about.table_name}"
    value = (about.message_detail or "").partition("=(")[2].partition(") already")[0]
    if name.endswith("_index") or about.constraint_name is None:
        text = f"Cannot insert duplicate key row in object '{table}' with unique index '{name}'. ({value})"
        return Refused(2601, text, 14)
    text = f"Violation of PRIMARY KEY constraint '{name}'. Cannot insert duplicate key in object '{table}'. ({value})"
    return Refused(2627, text, 14)
