"""What a worker process does with one patient: look at it (dry run), or prepare its files (conversion).

Both make the same files by the same code; the only difference is where the bytes go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.defects import noted
from engine.encode import EncodedFile, Encoder
from engine.failpoints import failpoint
from engine.imaging.classify import is_colour
from engine.imaging.decode import decode
from engine.imaging.integrity import Bytes
from engine.imaging.pixels import Pixels
from engine.imaging.problem import ImageProblem
from engine.meanings import disks
from engine.model import Image
from engine.plan.values import PlannedImage, PlannedPatient, SkippedImage
from engine.profiles.schema import TargetProfile
from engine.source.steady import DOUBTFUL, SteadyStore
from engine.source.store import SourceStore, StoreProblem
from engine.target import disk
from engine.target.failures import Failure, Kind, explained, failure_of
from engine.target.files import PlannedFile, place_of
from engine.target.notice import Notice
from engine.target.rows import map_record, rows_digest
from engine.target.scope import ImageFacts, RecordScopes, Scope
from engine.target.work import KILLS_THE_DECODER, Prepared, Surveyed, Work
from engine.target.writing_behind import WritingBehind
from engine.target.zero_writes import WriteGuard, WriteRefused
from protocol.vocabulary import FindingCode

if TYPE_CHECKING:  # it brings SQLAlchemy, which a worker of the conversion has no use for
    from engine.target.fit import Holder

SUSPECT_BYTES = 10_000  # a radiograph this small is likely not one


@dataclass(frozen=True, slots=True)
class _Source:
    """A source file as it was read, its SHA-256, and its modification time (ns), if that is of these very bytes."""

    content: bytes
    sha256: str
    modified: int | None


class Workshop:
    """One per process. Opens the source store for reading only; looking at a patient may write below `job` at most."""

    def __init__(
        self, profile: TargetProfile, store_roots: tuple[Path, ...], job: Path, columns: Mapping[str, Holder]
    ) -> None:
        self._profile, self._job, self._columns = profile, job, columns
        self._encoder, self._store = Encoder(self._profile), SourceStore(store_roots)
        self._steady = SteadyStore(self._store)

    def survey(self, work: Work) -> Surveyed:
        """Reads, decodes and encodes everything of one patient; writes nothing."""
        with WriteGuard(self._job) as guard:
            images, skipped, notices = self._survey_images(work)
        facts = {image.source_key: ImageFacts(image.path, bytes.fromhex(image.integrity)) for image in images}
        mapped = map_record(work.record, work.keys, facts, self._profile, self._columns)
        planned = PlannedPatient(
            work.number,
            work.record,
            work.keys,
            tuple(images),
            tuple(skipped),
            len(mapped.rows),
            rows_digest(mapped.rows),
        )
        return Surveyed(planned, (*notices, *mapped.notices), guard.refused)

    def _survey_images(self, work: Work) -> tuple[list[PlannedImage], list[SkippedImage], list[Notice]]:
        scopes = RecordScopes(work.record, work.keys, self._profile)
        images, skipped, notices = list[PlannedImage](), list[SkippedImage](), list[Notice]()
        for image in work.record.images:
            key, source = work.keys.image[image.key], None
            try:
                if image.key in work.lethal:
                    raise ImageProblem(FindingCode.UNREADABLE_FILE, KILLS_THE_DECODER)
                source = self._read(image)
                images.append(self._survey_image(image, source, scopes.image(image), key, notices))
            except WriteRefused:
                raise
            except Exception as problem:
                notice = _problem_notice(image, problem, self._job)
                notices.append(notice)
                skipped.append(self._skipped(image, key, notice.code, source))
        return images, skipped, notices

    def _read(self, image: Image) -> _Source:
        stamp = self._store.stamp(image.file)  # before the content: what is written meanwhile is looked at again
        content = self._steady.open_read(image.file)
        if stamp is not None and stamp[0] != len(content):
            self._steady.confirm(image.file, content)
        modified = stamp[1] if stamp and stamp[0] == len(content) else None
        return _Source(content, hashlib.sha256(content).hexdigest(), modified)

    def _skipped(self, image: Image, key: int, code: FindingCode, source: _Source | None) -> SkippedImage:
        """What was read is named, unless two reads disagreed."""
        size, modified = self._store.stamp(image.file) or (None, None)
        sha256 = source.sha256 if source and code is not FindingCode.TRANSIENT_READ else None
        return SkippedImage(image.key, key, image.file, code, size, modified, sha256)

    def _survey_image(
        self, image: Image, source: _Source, scope: Scope, key: int, notices: list[Notice]
    ) -> PlannedImage:
        content = source.content
        if len(content) <= SUSPECT_BYTES:
            notices.append(Notice(FindingCode.SUSPECT_SIZE, image.key, image.file, f"{len(content)} bytes"))
        pixels = self._decoded(image, content)
        notices += _looked_at(image, pixels)
        encoded = self._encoder.encode(image, scope, key, content, lambda: pixels)
        if encoded.lost:
            notices.append(Notice(FindingCode.DISPLAY_RULE_LOST, image.key, image.file, ", ".join(encoded.lost)))
        return PlannedImage(
            image.key,
            key,
            image.file,
            len(content),
            source.sha256,
            encoded.path,
            encoded.size,
            encoded.sha256,
            encoded.integrity.hex(),
            source.modified,
        )

    def _decoded(self, image: Image, source: bytes) -> Pixels:
        """Raises ImageProblem; StoreProblem TRANSIENT_READ if a second read gives other bytes."""
        try:
            return decode(source)
        except ImageProblem as problem:
            if problem.code in DOUBTFUL:
                self._steady.confirm(image.file, source)
            raise

    def prepare(self, patient: PlannedPatient, incoming: Path) -> Prepared | Failure:
        """Writes every file of a patient into `incoming`, durably and read back. A failure is returned, not raised."""
        try:
            return self._prepare(patient, incoming)
        except (Failure, ImageProblem, OSError, MemoryError) as error:
            return explained(error, place_of(incoming.parents[1]))
        except Exception as error:  # a defect of ours costs one patient, not the night
            return Failure(Kind.PERMANENT, noted(error, self._job))

    def _prepare(self, patient: PlannedPatient, incoming: Path) -> Prepared:
        scopes = RecordScopes(patient.record, patient.keys, self._profile)
        images = {image.key: image for image in patient.record.images}
        files = []
        with WritingBehind(_write_verified) as writing:
            for planned in patient.images:
                image = images[planned.source_key]
                encoded = self._encode_as_planned(planned, image, scopes.image(image))
                name = incoming_name(planned)
                writing.give(incoming / name, encoded.pieces)
                files.append((name, PlannedFile(encoded.path, encoded.sha256)))
        failpoint("after-prepare")
        return Prepared(tuple(files))

    def _encode_as_planned(self, planned: PlannedImage, image: Image, scope: Scope) -> EncodedFile:
        try:
            source = self._store.open_read(image.file)
        except StoreProblem as problem:
            raise self._unread(image, problem) from problem
        predicted = (planned.path, planned.sha256, planned.integrity)
        try:
            encoded = self._encoder.encode(image, scope, planned.target_key, source, lambda: decode(source))
        except ImageProblem as problem:
            raise _unlike_the_plan(planned, image, source) from problem
        if (encoded.path, encoded.sha256, encoded.integrity.hex()) != predicted:
            raise _unlike_the_plan(planned, image, source)
        return encoded

    def _unread(self, image: Image, problem: StoreProblem) -> Failure:
        """Why a source file cannot be had: where the whole store is away, no other patient will fare better."""
        if not self._store.is_there():
            return failure_of(disks.UNREACHABLE, "DEXIS 11's image store (source.store in job.toml)")
        notice = Notice(problem.code, image.key, image.file, problem.detail)
        detail = f"a source file cannot be read as it was in the dry run: {problem.detail}"
        return Failure(Kind.TRANSIENT, detail, notice)


def _unlike_the_plan(planned: PlannedImage, image: Image, source: bytes) -> Failure:
    """Why an image does not become what the dry run predicted. The source is hashed only now."""
    if hashlib.sha256(source).hexdigest() == planned.source_sha256:
        return Failure(Kind.PERMANENT, "an encoded file is not the one the dry run predicted")
    notice = Notice(FindingCode.TRANSIENT_READ, image.key, image.file, "differs from what the dry run read")
    return Failure(Kind.TRANSIENT, "a source file differs from what the dry run read", notice)


def incoming_name(planned: PlannedImage) -> str:
    """A file's name in the incoming folder; unique, as planned keys are."""
    return f"{planned.target_key:08x}"


def _problem_notice(image: Image, problem: Exception, job: Path) -> Notice:
    """Why an image is not planned. What nobody foresaw blocks, and one odd file does not end the whole dry run."""
    if isinstance(problem, StoreProblem | ImageProblem):
        return Notice(problem.code, image.key, image.file, problem.detail)
    detail = disks.MEMORY.what if isinstance(problem, MemoryError) else noted(problem, job)
    return Notice(FindingCode.UNREADABLE_FILE, image.key, image.file, detail)


def _looked_at(image: Image, pixels: Pixels) -> list[Notice]:
    notices = []
    if is_colour(pixels) != image.category.is_photo:
        seen = "colour" if not image.category.is_photo else "grey"
        notices.append(Notice(FindingCode.LABEL_DISAGREES, image.key, image.file, f"{image.category}, {seen} pixels"))
    if pixels.lossy and not image.category.is_photo:
        notices.append(Notice(FindingCode.LOSSY_SOURCE, image.key, image.file, pixels.encoding))
    return notices


def _write_verified(path: Path, pieces: tuple[Bytes, ...]) -> None:
    """Writes a file of ours durably and reads it back. Raises Failure if the disk gives back something else."""
    path.unlink(missing_ok=True)
    disk.write_durably(path, *pieces)
    failpoint("after-write")
    if not disk.holds(path, *pieces):
        raise Failure(Kind.TRANSIENT, "a file read back differs from what was written")
