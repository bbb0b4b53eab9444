"""One patient of the source against what the target holds for that patient. Pure: values in, a judgement out."""

from __future__ import annotations

from collections.abc import Mapping

from engine.reconcile.forms import PARENT, SourceForm
from engine.reconcile.image_values import ImageAnswer
from engine.reconcile.judgement import Discrepancy, Judgement, record
from engine.reconcile.matching import Held
from engine.reconcile.normal import Facts
from engine.reconcile.row_check import LOOK_UP, Lines, RowCheck, RowsFound
from engine.reconcile.source_view import SourceImage, SourceNode, SourcePatient
from engine.reconcile.target_view import Shape
from protocol.vocabulary import FindingCode

# What the source itself cannot give is declared, not converted.
DECLARED = frozenset(
    {
        FindingCode.MISSING_FILE,
        FindingCode.EMPTY_FILE,
        FindingCode.TRUNCATED,
        FindingCode.MULTIFRAME,
        FindingCode.VOLUME,
    }
)
_SAYS_OTHERWISE = frozenset({FindingCode.FIELD_DIFFERS, FindingCode.HEADER_DIFFERS})


def judge(
    patient: SourcePatient,
    held: Held,
    lines: Lines,
    answers: Mapping[str, ImageAnswer],
    shape: Shape,
    form: SourceForm,
) -> Judgement:
    """Everything that can be said of one patient. `answers` by source image key, one for each image."""
    comparison = _Comparison(patient, held, RowCheck(shape, form, lines), shape, form)
    comparison.patient()
    for image in patient.images:
        comparison.image(image, answers[image.key])
    return comparison.result


class _Comparison:
    def __init__(self, patient: SourcePatient, held: Held, check: RowCheck, shape: Shape, form: SourceForm) -> None:
        self._patient, self._held, self._check, self._shape, self._form = patient, held, check, shape, form
        self._studies = {node.key: node for node in patient.studies}
        self._series = {node.key: node for node in patient.series}
        self._told: set[tuple[str | None, str]] = set()
        self.result = Judgement()

    def patient(self) -> None:
        """The patient with its studies and series, and image rows that belong to none of them."""
        patient, held, counts = self._patient, self._held, self.result.counts
        counts.patients, counts.studies, counts.series = 1, len(patient.studies), len(patient.series)
        matched = self._node("patient", patient.facts, held.patient, FindingCode.PATIENT_MISSING)
        counts.patients_matched += matched is not None and matched.once
        for study in patient.studies:
            self._branch("study", study, held.studies, held.patient)
        for series in patient.series:
            self._branch("series", series, held.series, held.studies.get(series.parent))
        for orphan in patient.orphans:
            self._say(Discrepancy(FindingCode.ORPHAN_ROW, "source", "its series is not the patient's", orphan))
            counts.declared += 1

    def image(self, image: SourceImage, answer: ImageAnswer) -> None:
        """One image, by its row and by what both its files show."""
        key = self._held.images.get(image.key)
        self.result.counts.bytes += answer.bytes
        if answer.wanting is not None:
            self._wanting(image, answer, key)
            return
        self.result.counts.images += 1
        self.result.counts.things += 1
        expected = self._expected(image)
        self.result.source.append(record("image", self._kept(expected), answer.content))
        if key is None:
            table = self._shape.holder("image", "uid").name
            self._say(Discrepancy(FindingCode.ROW_MISSING, table, "no row is this image", image.key))
        else:
            self._found_image(image, answer, key, expected)

    def _branch(self, entity: str, node: SourceNode, held: Mapping[str, str], parent: str | None) -> None:
        self._node(entity, {**node.facts, PARENT[entity]: parent}, held.get(node.key), FindingCode.ROW_MISSING)

    def _node(self, entity: str, facts: Facts, key: str | None, missing: FindingCode) -> RowsFound | None:
        """A patient, study or series: its rows, and its record in each set. None if the target has none."""
        self.result.counts.things += 1
        parent = PARENT.get(entity)
        self.result.source.append(record(entity, self._kept(facts, without=parent)))
        if key is None:
            self._say(Discrepancy(missing, self._shape.of(entity)[0].name, f"no row is this {entity}"))
            return None
        rows = self._check.rows(entity, key, facts)
        self._rows_found(rows)
        self.result.counts.things_equal += not rows.found
        said = {name: rows.said.get(name) for name in facts if name != parent}
        present = record(entity, said, None, rows.found)
        self.result.database.append(present)
        self.result.disk.append(present)
        return rows

    def _wanting(self, image: SourceImage, answer: ImageAnswer, key: str | None) -> None:
        """The source cannot give this picture: declared for one of the reasons for that, and then not converted."""
        counts, code = self.result.counts, answer.wanting
        if key is not None:
            self._say(Discrepancy(FindingCode.ROW_EXTRA, image.file, f"not in the source: {answer.detail}", image.key))
            counts.images_extra += 1
            self.result.database.append({"kind": "extra image", "key": key})
        elif code in DECLARED and code is not None:
            self._say(Discrepancy(code, image.file, answer.detail, image.key))
            counts.declared += 1
        else:
            self._say(Discrepancy(FindingCode.ROW_MISSING, image.file, f"not converted: {answer.detail}", image.key))
            counts.images += 1
            self.result.source.append({"kind": "unread image", "key": image.key})

    def _found_image(self, image: SourceImage, answer: ImageAnswer, key: str, expected: Facts) -> None:
        first, counts = len(self.result.found), self.result.counts
        own = {**image.facts, "series_key": self._held.series.get(image.series), "path": answer.path}
        rows = self._check.rows("image", key, own, image.key)
        self._rows_found(rows)
        looked, as_expected = self._look_up(image, key, expected, answer)
        for flaw in answer.flaws:
            place = answer.path or image.file
            self._say(Discrepancy(flaw.code, place, flaw.detail, image.key, flaw.on_disk))
        found = self.result.found[first:]
        counts.images_matched += rows.once
        counts.things_equal += as_expected and not any(item.code in _SAYS_OTHERWISE for item in found)
        counts.pixels_equal += answer.pixels_equal
        counts.views_equal += answer.view_equal
        counts.integrity_equal += answer.integrity_equal
        self._image_records(answer, {name: looked.get(name) for name in expected}, found)

    def _image_records(self, answer: ImageAnswer, said: Facts, found: list[Discrepancy]) -> None:
        """What the database says of an image, and what someone finds who starts from its file."""
        in_rows = [item for item in found if not item.on_disk]
        self.result.database.append(record("image", said, answer.row_content, in_rows))
        if not any(item.code is FindingCode.FILE_MISSING for item in found):
            self.result.disk.append(record("image", said, answer.disk_content, found))

    def _look_up(self, image: SourceImage, key: str, expected: Facts, answer: ImageAnswer) -> tuple[Facts, bool]:
        """What the viewer's path finds for this image, and whether that is as expected."""
        looked = self._check.looked(key)
        if len(looked) != 1:
            found = f"found {len(looked)} times by way of chart, patient, study and series"
            self._say(Discrepancy(FindingCode.LOOKUP_FAILED, LOOK_UP, found, image.key))
            return {}, False
        wrong = [name for name, target in self._chain(image).items() if looked[0].get(name) != target]
        if wrong:
            self._say(Discrepancy(FindingCode.LOOKUP_FAILED, LOOK_UP, f"found by another {wrong[0]}", image.key))
        has_file = not any(flaw.code is FindingCode.FILE_MISSING for flaw in answer.flaws)
        self.result.counts.lookups_found += not wrong and has_file
        differences = list(self._check.differences(None, looked[0], expected, image.key))
        for item in differences:
            self._say(item)
        return looked[0], not differences

    def _chain(self, image: SourceImage) -> Facts:
        """The target keys by which the viewer's path should come to an image."""
        study = self._series[image.series].parent
        return {
            "patient_key": self._held.patient,
            "study_key": self._held.studies.get(study),
            "series_key": self._held.series.get(image.series),
        }

    def _expected(self, image: SourceImage) -> Facts:
        """Everything the look-up should say of an image, but for keys and content."""
        series = self._series[image.series]
        study = self._studies.get(series.parent)
        return {**self._patient.facts, **(study.facts if study else {}), **series.facts, **image.facts}

    def _kept(self, facts: Facts, without: str | None = None) -> Facts:
        return {name: self._form.kept(None, name, value) for name, value in facts.items() if name != without}

    def _rows_found(self, rows: RowsFound) -> None:
        self.result.counts.strays += rows.surplus
        for item in rows.found:
            self._say(item)

    def _say(self, item: Discrepancy) -> None:
        """A difference that a row showed is not told again for every look-up that shows it too."""
        table, _, name = item.place.rpartition(".")
        mark = item.image, name
        if item.code is FindingCode.FIELD_DIFFERS and table == LOOK_UP and mark in self._told:
            return
        self._told.add(mark)
        self.result.found.append(item)
