"""Judges genuine target samples: every byte explained, re-encoded byte for byte, integrity hash recomputed.

A native file is re-encoded from its *row*, through the very expressions conversion uses; only what a row keeps less
precisely than the file (fractions of a second) is taken from the file. A photo is its own format: conversion carries
it bit for bit, so it is proven by being what its name says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.imaging.decode import decode
from engine.imaging.fields import filetime
from engine.imaging.integrity import integrity
from engine.imaging.native import NativeFile, NativeFormat, pixel_names
from engine.imaging.problem import ImageProblem
from engine.model import Category
from engine.profiles.schema import FileRule, TargetProfile
from engine.proof.sample_rows import SampleRow, SampleRows
from engine.source.store import SourceStore, StoreProblem
from engine.source.values import Row, Unreadable
from engine.target.files import path_of
from protocol.vocabulary import FindingCode

_CARRIED = {"jpg": "jpeg", "png": "png"}  # file type of a rule -> encoding of its content
_IN_HEADER = "header"
_TICKS = {"day": 864_000_000_000, "second": 10_000_000, "millisecond": 10_000, "microsecond": 10}


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """What one sample proves. Sizes in bytes; `hashes` counts the places that keep the hash of a file that is there."""

    key: str
    category: Category | None
    complaints: tuple[str, ...]
    size: int = 0
    explained: int = 0
    reencoded: bool = False
    hashes: int = 0
    hashes_reproduced: int = 0

    @property
    def is_proven(self) -> bool:
        return not self.complaints and self.reencoded and self.hashes == self.hashes_reproduced


class SampleJudge:
    """Judges the samples in `store` by a target profile."""

    def __init__(self, profile: TargetProfile, store: SourceStore) -> None:
        self._rules, self._store = profile.files, store
        self._rows, self._native = SampleRows(profile), NativeFormat(profile.native)
        self._native_type = profile.native.type
        self._ticks = _precisions(profile)
        self._times = {field.name for field in profile.native.header if field.type == "filetime"}

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
            if rule.type == self._native_type:
                return self._judge_native(sample, rule, row["integrity"], data)
            return self._judge_carried(sample, rule, row["integrity"], data)
        except ImageProblem as problem:
            kept = len(rule.integrity.kept)
            return SampleVerdict(key, sample.image.category, (problem.detail,), len(data), hashes=kept)

    def _file(self, sample: SampleRow) -> tuple[FileRule, bytes]:
        """The sample's file and the rule whose path it stands at. Raises StoreProblem."""
        is_photo = sample.image.category.is_photo
        rules = [rule for rule in self._rules if (rule.when != "xray") == is_photo]
        paths = [(rule, path_of(rule.path, sample.key)) for rule in rules]
        rule, path = next((pair for pair in paths if self._store.exists(pair[1])), paths[0])
        return rule, self._store.open_read(path)

    def _judge_native(self, sample: SampleRow, rule: FileRule, kept: object, data: bytes) -> SampleVerdict:
        file = self._native.parse(data)
        digest = integrity(rule.integrity, file=data, pixels=file.pixels)
        again = self._again(sample, file, digest)
        hashes = self._stored_hashes(rule, kept, file)
        return SampleVerdict(
            str(sample.key),
            sample.image.category,
            (
                *(f"offset {span.offset}, {span.size} bytes: {span.why}" for span in file.unexplained),
                *(f"{name} is not what the row says" for name in self._native.differing(again, data)),
            ),
            len(data),
            len(data) - sum(span.size for span in file.unexplained),
            again == data,
            len(hashes),
            sum(_is(stored, digest) for stored in hashes),
        )

    def _again(self, sample: SampleRow, file: NativeFile, digest: bytes) -> bytes:
        """The file as conversion would write it for this row. Raises ImageProblem if the row does not fit a file."""
        known = sample.scope.with_integrity(digest)
        names = {**known.names, **pixel_names(file.pixels)}
        values = {name: rule.evaluate(names, known.functions) for name, rule in self._native.expressions.items()}
        for name in self._times & values.keys():
            values[name] = self._time(name, values[name], file.fields[name])
        try:
            return self._native.encode(values, file.pixels)
        except ValueError as problem:
            raise ImageProblem(FindingCode.SAMPLE_UNEXPLAINED, str(problem)) from problem

    def _time(self, name: str, value: object, in_file: object) -> object:
        """The file's own ticks where they agree with the row as precisely as the row's column keeps a time."""
        ticks = filetime(value)  # type: ignore[arg-type]
        unit = self._ticks.get(self._native.expressions[name].text, 1)
        return in_file if isinstance(in_file, int) and ticks and in_file // unit == ticks // unit else ticks

    def _stored_hashes(self, rule: FileRule, column: object, file: NativeFile) -> list[object]:
        fields = [name for name, value in self._native.expressions.items() if value.text == "integrity()"]
        in_header = file.fields[fields[0]] if fields else None
        return [in_header if place == _IN_HEADER else column for place in rule.integrity.kept]

    def _judge_carried(self, sample: SampleRow, rule: FileRule, kept: object, data: bytes) -> SampleVerdict:
        pixels = decode(data)
        complaints = () if pixels.encoding == _CARRIED[rule.type] else (f"a .{rule.type} that holds {pixels.encoding}",)
        return SampleVerdict(
            str(sample.key),
            sample.image.category,
            complaints,
            len(data),
            0 if complaints else len(data),
            not complaints,
            1,
            int(_is(kept, integrity(rule.integrity, file=data, pixels=pixels))),
        )


def _precisions(profile: TargetProfile) -> Mapping[str, int]:
    """Ticks of the least precise column that keeps an expression's time, by the expression's text."""
    kept: dict[str, int] = {}
    for rule in profile.insert:
        for column, expression in rule.columns.items():
            limit = profile.time.get(f"{rule.table}.{column}")
            if limit is not None:
                kept[expression.text] = max(kept.get(expression.text, 1), _TICKS[limit.precision])
    return kept


def _is(stored: object, digest: bytes) -> bool:
    """Whether a stored hash is `digest`: as bytes, or as hex text exactly as conversion writes it."""
    if isinstance(stored, memoryview | bytearray):
        stored = bytes(stored)
    return stored in (digest, digest.hex())
