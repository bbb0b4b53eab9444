"""Which column of the target stands behind each fact that the audit asks for, and by which expression it was filled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from engine.profiles.kinds import kind_of
from engine.profiles.schema import Query, TargetProfile
from engine.reconcile.formula import CannotTell, Formula
from protocol.errors import UsageProblem

# The expression by which a fact is carried over as it is; the reconciler has a reading of its own for each.
PLAIN: Mapping[str, str] = {
    **{name: f"patient.{name}" for name in ("chart_number", "family_name", "given_name", "middle_name", "birth_date")},
    "sex": "code('sex',patient.sex)",
    "study_name": "study.name",
    "started_at": "study.started_at",
    "series_name": "series.name",
    "category": "code('category',image.category)",
    "settings": "orientation(image.orientation)",
    "teeth": "teeth(image.teeth)",
    **{name: f"image.{name}" for name in ("uid", "number", "acquired_at")},
    **{name: f"device.{name}" for name in ("manufacturer", "model", "serial_number")},
}
_NAMED = re.compile(r"default\((study|series)\.name,'[^']*'\)")
_GRAMMARS = {"postgresql": "postgres", "mssql": "tsql", "sqlite": "sqlite"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """A fact that is not carried over as it is. `is_time` says that it gives a day or a time."""

    formula: Formula
    is_time: bool


class Columns:
    """ "Table.Column" behind a fact of a table, or of the look-up (None)."""

    def __init__(self, profile: TargetProfile) -> None:
        self._of: dict[tuple[str | None, str], str] = {}
        asked: list[tuple[str | None, Query]] = [(None, profile.audit.look_up), *profile.audit.rows.items()]
        for table, query in asked:
            for fact, column in _behind(query):
                self._of[table, fact] = column
        for rule in profile.insert:  # a query that hides its columns still shows what was carried over as it is
            for name, expression in rule.columns.items():
                for fact in (fact for fact, text in PLAIN.items() if text == _bare(expression.text)):
                    self._of.setdefault((rule.table, fact), f"{rule.table}.{name}")
                    self._of.setdefault((None, fact), f"{rule.table}.{name}")

    def of(self, table: str | None, fact: str) -> str | None:
        return self._of.get((table, fact)) or self._of.get((None, fact))

    def facts(self) -> Iterator[tuple[str, str]]:
        """Every fact with a column behind it."""
        return ((fact, column) for (_, fact), column in self._of.items())


def meanings(profile: TargetProfile, columns: Columns) -> Mapping[str, Meaning]:
    """The facts that a formula makes. Raises UsageProblem for one that cannot be worked out, or two for one fact."""
    filled = {f"{rule.table}.{name}": value for rule in profile.insert for name, value in rule.columns.items()}
    texts: dict[str, str] = {}
    found: dict[str, Meaning] = {}
    for fact, column in columns.facts():
        if fact not in PLAIN or column not in filled:
            continue
        text = _bare(filled[column].text)
        if texts.setdefault(fact, text) != text:
            raise _unclear(column, f"{fact} is filled by two expressions, {texts[fact]} and {text}")
        if text != PLAIN[fact] and not _NAMED.fullmatch(text):
            found[fact] = _meaning(column, filled[column].text, kind_of(filled[column].root))
    return found


def _meaning(column: str, text: str, kind: str) -> Meaning:
    try:
        return Meaning(Formula(text), kind in ("day", "moment"))
    except CannotTell as problem:
        raise _unclear(column, f"reconcile cannot work out {problem}") from problem


def _unclear(column: str, what: str) -> UsageProblem:
    return UsageProblem(f"{column}: {what}", where="target profile", next_step="write a simpler expression for it")


def _bare(text: str) -> str:
    """The expression without spaces between its parts; texts inside keep theirs."""
    return "".join(
        part if index % 2 else re.sub(r"\s", "", part)
        for index, part in enumerate(re.split(r"('[^']*')", text.replace('"', "'")))
    )


def _behind(query: Query) -> Iterator[tuple[str, str]]:
    """Output column and the "Table.Column" that it shows, where one select shows columns of tables."""
    dialect, text = next(iter(query.sql.items()))
    tree = sqlglot.parse_one(text, read=_GRAMMARS[dialect])
    if not isinstance(tree, exp.Select):
        return
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    for shown in tree.selects:
        column = shown.find(exp.Column)
        if column is None:
            continue
        name = tables.get(column.table) if column.table else next(iter(tables.values())) if len(tables) == 1 else None
        if name is not None:
            yield shown.alias_or_name, f"{name}.{column.name}"
