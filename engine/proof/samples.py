"""Judges genuine target samples: every byte explained, re-encoded byte for byte, integrity hash recomputed.

A native file is re-encoded from its *row*, through the very expressions conversion uses; only what a row keeps less
precisely than the file (fractions of a second) is taken from the file. A photo is its own format: conversion carries
it bit for bit, so it is proven by being what its name says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from engine.imaging.decode import decode
from engine.imaging.integrity import Bytes, integrity
from engine.imaging.native import NativeFile, NativeFormat, Parts
from engine.imaging.problem import ImageProblem
from engine.profiles.expressions import Expression
from engine.profiles.native_rules import IN_FILE, TIMES, is_integrity
from engine.profiles.schema import FileRule, TargetProfile
from engine.proof.sample_rows import SampleRow, SampleRows
from engine.proof.work import SampleVerdict
from engine.source.store import SourceStore, StoreProblem
from engine.source.values import Row, Unreadable
from engine.target.limits import fitted
from engine.target.paths import path_of
from protocol.vocabulary import FindingCode

_CARRIED = {"jpg": "jpeg", "png": "png"}  # file type of a rule -> encoding of its content


class SampleJudge:
    """Judges the samples in `store` by a target profile."""

    def __init__(self, profile: TargetProfile, store: SourceStore) -> None:
        self._profile, self._rules, self._store = profile, profile.files, store
        self._rows, self._native = SampleRows(profile), NativeFormat(profile.native)
        self._time_columns = _time_columns(profile)
        self._times = {field.name for field in profile.native.fields if field.type in TIMES}
        self._inserted = {
            f"{rule.table}.{name}": value for rule in profile.insert for name, value in rule.columns.items()
        }
        self._sealed = {
            place: (field.name, field.is_)
            for place, fields in zip(IN_FILE, (profile.native.header, profile.native.trailer), strict=True)
            for field in fields
            if field.is_ is not None and is_integrity(field)
        }

    def judge(self, row: Row) -> SampleVerdict:
        """What the image of one look-up row proves; never raises over a sample's content."""
        key = str(row["image_key"])
        try:
            sample = self._rows.read(row)
        except Unreadable as problem:
            return SampleVerdict(key, None, (problem.detail,))
        try:
            rule, data = self._file(sample)
        except StoreProblem as problem:
            return SampleVerdict(key, sample.image.category, (problem.detail,))
        try:
            if rule.type == self._profile.native.type:
                return self._judge_native(sample, rule, row["integrity"], data)
            return self._judge_carried(sample, rule, row["integrity"], data)
        except ImageProblem as problem:
            kept = len(rule.integrity.kept)
            return SampleVerdict(key, sample.image.category, (problem.detail,), len(data), hashes=kept)

    def _file(self, sample: SampleRow) -> tuple[FileRule, bytes]:
        """The sample's file and the rule whose path it stands at. Raises StoreProblem."""
        is_photo = sample.image.category.is_photo
        rules = [rule for rule in self._rules if (rule.when != "xray") == is_photo]
        paths = [(rule, path_of(rule.path, sample.key, sample.scope)) for rule in rules]
        rule, path = next((pair for pair in paths if self._store.exists(pair[1])), paths[0])
        return rule, self._store.open_read(path)

    def _judge_native(self, sample: SampleRow, rule: FileRule, kept: object, data: bytes) -> SampleVerdict:
        file = self._native.parse(data)
        seal = self._native.seal_of(rule.integrity, file.parts, file.pixels)
        packed = self._native.pack(file.pixels, bytes(file.parts.payload))
        allowed = self._native.reencode == "pixels" and packed != file.parts.payload
        again = self._again(sample, file, seal, file.parts.payload if allowed else packed)
        hashes = self._hashes(rule, kept, seal, file.fields)
        return SampleVerdict(
            str(sample.key),
            sample.image.category,
            (
                *(f"offset {span.offset}, {span.size} bytes: {span.why}" for span in file.unexplained),
                *_differing(again, file.parts),
            ),
            len(data),
            len(data) - sum(span.size for span in file.unexplained),
            again.joined() == data,
            len(hashes),
            sum(hashes),
            allowed,
        )

    def _again(self, sample: SampleRow, file: NativeFile, seal: bytes, payload: Bytes) -> Parts:
        """The file as conversion would write it for this row. Raises ImageProblem if the row does not fit a file."""
        known = sample.scope.with_integrity(seal)
        names = {**known.names, **self._native.names(file.pixels)}
        values = {name: rule.evaluate(names, known.functions) for name, rule in self._native.expressions.items()}
        for name in self._times & values.keys():
            values[name] = self._time(name, values[name], file.fields.get(name))
        try:
            return self._native.parts(values, file.pixels, payload)
        except ValueError as problem:
            raise ImageProblem(FindingCode.SAMPLE_UNEXPLAINED, str(problem)) from problem

    def _time(self, name: str, value: object, in_file: object) -> object:
        """The file's own time where it agrees with the row as precisely as the row's column keeps a time."""
        moment = self._native.moment_of(name, in_file)
        columns = self._time_columns.get(self._native.expressions[name].text.strip(), ())
        if not isinstance(value, datetime) or moment is None:
            return value
        kept = (self._kept(column, moment) == self._kept(column, value) for column in columns)
        return in_file if any(kept) else value

    def _kept(self, column: str, moment: datetime) -> object:
        return fitted(self._profile, column, "", moment, lambda code, detail: None)

    def _hashes(self, rule: FileRule, kept: object, seal: bytes, fields: Mapping[str, object]) -> list[bool]:
        """For each place that keeps the hash: whether it is the recomputed one, in the form the profile gives it."""
        found = []
        for place in rule.integrity.kept:
            if place in IN_FILE:
                name, expression = self._sealed[place]
                found.append(fields.get(name) == _written(expression, seal))
            else:
                found.append(_is(kept, _written(self._inserted[place], seal)))
        return found

    def _judge_carried(self, sample: SampleRow, rule: FileRule, kept: object, data: bytes) -> SampleVerdict:
        pixels = decode(data)
        hashes = self._hashes(rule, kept, integrity(rule.integrity, file=data, pixels=pixels), {})
        complaints = () if pixels.encoding == _CARRIED[rule.type] else (f"a .{rule.type} that holds {pixels.encoding}",)
        return SampleVerdict(
            str(sample.key),
            sample.image.category,
            complaints,
            len(data),
            0 if complaints else len(data),
            not complaints,
            len(hashes),
            sum(hashes),
        )


def _differing(again: Parts, sample: Parts) -> Iterator[str]:
    """What of a sample would be written otherwise for its row, in words."""
    ours, theirs = again.raw(), sample.raw()
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            yield f"{name} is not what the row says"
    if again.payload != sample.payload:
        yield "the payload decodes alike but is packed otherwise: another level, or another encoder"


def _time_columns(profile: TargetProfile) -> Mapping[str, tuple[str, ...]]:
    """The columns that keep an expression's time, by the expression's text."""
    kept: dict[str, tuple[str, ...]] = {}
    for rule in profile.insert:
        for column, expression in rule.columns.items():
            if f"{rule.table}.{column}" in profile.time:
                text = expression.text.strip()
                kept[text] = (*kept.get(text, ()), f"{rule.table}.{column}")
    return kept


def _written(expression: Expression, seal: bytes) -> object:
    """The hash in the form that an expression gives it."""
    return expression.evaluate({}, {"integrity": lambda: seal})


def _is(stored: object, written: object) -> bool:
    """Whether a column keeps what would be written: bytes may stand there as hex text, as conversion writes them."""
    if isinstance(stored, memoryview | bytearray):
        stored = bytes(stored)
    return stored == written or (isinstance(written, bytes) and stored == written.hex())
