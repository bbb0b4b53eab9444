"""Which target rows stand for which source records: found by identity, claimed once, never guessed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.reconcile.forms import PARENT, PATIENT, SourceForm
from engine.reconcile.normal import Facts
from engine.reconcile.source_view import SourceNode, SourcePatient
from engine.reconcile.target_view import Shape, words_of
from engine.reconcile.workbook import Workbook


@dataclass(slots=True)
class Held:
    """The target keys of one patient's records, by source key; what has none is missing."""

    patient: str | None = None
    studies: dict[str, str] = field(default_factory=dict)
    series: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)


class Matcher:
    """Matches patient after patient and claims what it finds, so that nothing stands for two records."""

    def __init__(self, book: Workbook, shape: Shape, form: SourceForm) -> None:
        self._book, self._shape, self._form = book, shape, form
        self._homes = {entity: shape.holder(entity, parent).name for entity, parent in PARENT.items()}

    def match(self, patient: SourcePatient) -> Held:
        """Images by their identity, then series, studies and the patient by what those belong to and say."""
        held = Held()
        for image in patient.images:
            self._claim(
                "image", held.images, image.key, self._free("image", self._book.found("image", f"uid:{image.uid}"))
            )
        series = self._votes("image", {image.key: image.series for image in patient.images}, held.images)
        self._settle("series", patient.series, series, held.series, {})
        studies = self._votes("series", {node.key: node.parent for node in patient.series}, held.series)
        self._settle("study", patient.studies, studies, held.studies, {})
        above = self._votes("study", dict.fromkeys(held.studies, patient.key), held.studies)
        held.patient = self._patient(patient, above.get(patient.key, Counter()))
        self._complete(patient, held)
        return held

    def _complete(self, patient: SourcePatient, held: Held) -> None:
        """What could not be found by its images or its identity: among what belongs to the same parent."""
        if held.patient is not None:
            self._settle("study", patient.studies, {}, held.studies, {patient.key: held.patient})
        self._settle("series", patient.series, {}, held.series, held.studies)
        identity, home = self._shape.holder("image", "uid").name, self._homes["image"]
        for image in patient.images:
            if image.key not in held.images and image.series in held.series:
                siblings = self._free("image", self._book.children(home, held.series[image.series]))
                nameless = [key for key in siblings if not self._book.lines(identity, key)]
                self._claim("image", held.images, image.key, nameless)

    def _votes(self, entity: str, parents: Mapping[str, str], keys: Mapping[str, str]) -> Mapping[str, Counter[str]]:
        """For each source parent, how many of its children's rows belong to which target key."""
        votes: dict[str, Counter[str]] = {}
        for key, parent in parents.items():
            for row in self._book.lines(self._homes[entity], keys[key]) if key in keys else ():
                if (target := row.get(PARENT[entity])) is not None:
                    votes.setdefault(parent, Counter())[target] += 1
        return votes

    def _settle(
        self,
        entity: str,
        nodes: Iterable[SourceNode],
        votes: Mapping[str, Counter[str]],
        held: dict[str, str],
        parents: Mapping[str, str],
    ) -> None:
        """Claims a key for each node: the one most children name, else an equal sibling, else any sibling left."""
        nodes = tuple(nodes)
        for node in nodes:
            named = [key for key, _ in votes.get(node.key, Counter()).most_common()]
            self._claim(entity, held, node.key, self._free(entity, named))
        for exact in (True, False):
            for node in nodes:
                if node.key not in held and node.parent in parents:
                    siblings = self._free(entity, self._book.children(self._homes[entity], parents[node.parent]))
                    fits = [key for key in siblings if not exact or self._says(entity, key, node.facts)]
                    self._claim(entity, held, node.key, fits)

    def _patient(self, patient: SourcePatient, votes: Counter[str]) -> str | None:
        """The target patient who says most of what this one does; among equals, who holds most of the images."""
        words = [key for word in words_of(patient.facts) for key in self._book.found("patient", word)]
        candidates = self._free("patient", dict.fromkeys((*words, *votes)))
        best = max(candidates, key=lambda key: (self._equal_facts(key, patient.facts), votes[key]), default=None)
        if best is not None:
            self._book.claim("patient", best)
        return best

    def _equal_facts(self, key: str, facts: Facts) -> int:
        said = self.said("patient", key)
        return sum(said.get(name) == self._form.kept(None, name, facts[name]) for name in PATIENT)

    def said(self, entity: str, key: str) -> Facts:
        """What the rows with this key say together."""
        rows = (row for table in self._shape.of(entity) for row in self._book.lines(table.name, key))
        return {name: value for row in rows for name, value in row.items()}

    def _says(self, entity: str, key: str, facts: Facts) -> bool:
        said = self.said(entity, key)
        return all(said.get(name) == self._form.kept(None, name, value) for name, value in facts.items())

    def _free(self, entity: str, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if not self._book.is_claimed(entity, key)]

    def _claim(self, entity: str, held: dict[str, str], source_key: str, candidates: list[str]) -> None:
        if candidates and source_key not in held:
            held[source_key] = candidates[0]
            self._book.claim(entity, candidates[0])
