"""The target database as the reconciler sees it: every row of every table, and what a viewer's look-up finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.profiles.schema import Query, TargetProfile
from engine.reconcile.forms import OWNER, PARENT, PATIENT, TargetForm
from engine.reconcile.normal import Facts, text_of
from engine.reconcile.reading import Database, Row
from engine.reconcile.workbook import Line, Workbook
from protocol.errors import UsageProblem

VIEW_TEXT = "settings as written"  # beside the view a row says, the text that says it


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the target: one row of it for each `entity`, as the profile's audit asks for them."""

    name: str
    entity: str
    query: Query
    facts: tuple[str, ...]  # the columns besides the key


@dataclass(frozen=True, slots=True)
class Shape:
    """The tables of the target, by the entity they hold a row of."""

    tables: tuple[Table, ...]

    def of(self, entity: str) -> tuple[Table, ...]:
        return tuple(table for table in self.tables if table.entity == entity)

    def holder(self, entity: str, fact: str) -> Table:
        """The table in which an entity's fact stands. The shape was checked: there is one."""
        return next(table for table in self.of(entity) if fact in table.facts)


def shape_of(profile: TargetProfile) -> Shape:
    """The tables that are compared. Raises UsageProblem if the audit leaves out what must not be left out."""
    rows = profile.audit.rows
    if missing := sorted({rule.table for rule in profile.insert} - set(rows)):
        raise _incomplete(f"audit.rows has no query for {', '.join(missing)}")
    tables = tuple(_table(rule.table, rule.entity, rows[rule.table]) for rule in profile.insert)
    told = {(table.entity, fact) for table in tables for fact in table.facts}
    needed = {*PARENT.items(), ("image", "uid"), *(("patient", fact) for fact in PATIENT)}
    if untold := sorted(needed - told):
        raise _incomplete(
            "audit.rows does not select " + ", ".join(f"{fact} of the {entity}" for entity, fact in untold)
        )
    return Shape(tables)


def _table(name: str, entity: str, query: Query) -> Table:
    facts = tuple(column for column in query.columns if column != "key")
    if strange := sorted(fact for fact in facts if OWNER.get(fact) != entity):
        raise _incomplete(f"audit.rows.{name} selects {', '.join(strange)}, which no {entity} has")
    return Table(name, entity, query, facts)


def _incomplete(what: str) -> UsageProblem:
    return UsageProblem(what, where="target profile", next_step="select it there, so that nothing is left uncompared")


class TargetView:
    """Asks the target database and puts the answers into a workbook."""

    def __init__(self, database: Database, profile: TargetProfile, shape: Shape, form: TargetForm) -> None:
        self._database, self._profile, self._shape, self._form = database, profile, shape, form

    def counts(self) -> Mapping[str, int]:
        """How many patients and images a viewer of the target counts."""
        audit = self._profile.audit
        return {"patients": self._database.count(audit.patients), "images": self._database.count(audit.images)}

    def fill(self, book: Workbook) -> int:
        """Puts in every row and every look-up; returns the number of rows."""
        count = 0
        for table in self._shape.tables:
            count += book.put_lines(self._line(table, row) for row in self._database.rows(table.query))
            if table.entity in ("patient", "image"):
                book.put_words(self._words(table))
        book.put_looked(self._looked())
        return count

    def _line(self, table: Table, row: Row) -> Line:
        facts = self._facts(table, row)
        return table.name, str(row["key"]), facts.get(PARENT.get(table.entity, "")), facts

    def _facts(self, table: Table, row: Row) -> Facts:
        facts = {fact: self._form.read(table.name, fact, row[fact]) for fact in table.facts}
        return {**facts, VIEW_TEXT: text_of(row["settings"])} if "settings" in facts else facts

    def _looked(self) -> Iterator[tuple[str, Facts]]:
        for row in self._database.rows(self._profile.audit.look_up):
            facts = {name: self._form.read(None, name, value) for name, value in row.items() if name != "image_key"}
            yield str(row["image_key"]), {**facts, VIEW_TEXT: text_of(row["settings"])}

    def _words(self, table: Table) -> Iterator[tuple[str, str, str]]:
        for row in self._database.rows(table.query):
            facts = self._facts(table, row)
            yield from ((table.entity, word, str(row["key"])) for word in words_of(facts))


def words_of(facts: Facts) -> Iterator[str]:
    """What an entity may be found by, of the facts at hand: an image's identity, a patient's chart number or name."""
    for fact in ("uid", "chart_number"):
        if facts.get(fact):
            yield f"{fact}:{facts[fact]}"
    if "family_name" in facts:
        yield f"name:{facts['family_name']}^{facts.get('given_name')}"
