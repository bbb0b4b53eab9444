"""One image, source file against target file: pixels, view, integrity hash and what the target's header says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.meanings.disks import meaning_of
from engine.reconcile.disk_view import path_for
from engine.reconcile.header_check import LOW_IS_WHITE, header_flaws, told_by
from engine.reconcile.image_values import Eyes, FileKind, Flaw, ImageAnswer, ImageQuestion
from engine.reconcile.native_reader import NativeDamaged, read_native
from engine.reconcile.native_seal import row_text
from engine.reconcile.photo import look_at_photo
from engine.reconcile.picture import Picture, SourceWanting, covered
from engine.reconcile.quiet_files import read_below, read_quietly
from engine.reconcile.rendering import reading_of, truth_of, whole_of
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode

PHOTOS = frozenset({"intraoral-photo", "extraoral-photo"})


@dataclass(frozen=True, slots=True, eq=False)
class _Copy:
    """What a target file shows.

    `samples` and `content` are None where no picture can be made of it; `sealed` is the hash that the profile's rule
    gives for this very file; `turns_itself_alike` if its EXIF states the orientation that the source's states.
    """

    samples: NDArray[Any] | None = None
    content: str | None = None
    sealed: bytes | None = None
    is_equal: bool = False
    low_is_white: bool = False
    flaws: tuple[Flaw, ...] = ()
    turns_itself_alike: bool = True


def examine(eyes: Eyes, question: ImageQuestion) -> ImageAnswer:
    """Looks at both files of one image."""
    try:
        data = read_below(eyes.source_roots, question.file)
        picture = look_at(data)
    except SourceWanting as wanting:
        return ImageAnswer(wanting.code, wanting.detail)
    kind = _kind(eyes, question.category, picture)
    picture = picture if kind.is_native else picture.with_low_black()
    known = ImageAnswer(row_content=question.hash, bytes=len(data))
    if question.key is None:
        return replace(known, content=_content(kind, picture, data))
    path = path_for(kind.path, question.key, question.names)
    copy = _copy(eyes.target_root, path, question)
    if isinstance(copy, Flaw):
        return replace(known, content=_content(kind, picture, data), path=path, flaws=(copy,))
    seen = _native(eyes, question, kind, picture, copy) if kind.is_native else _photo(kind, picture, data, copy)
    content = seen.content if seen.is_equal else _content(kind, picture, data)
    known = replace(known, content=content, path=path, bytes=len(data) + len(copy))
    return _answer(
        eyes, question, picture, seen, known, kind, lambda: _is_kept(kind, _source_seal(kind, picture, data), question)
    )


def _copy(root: Path, path: str, question: ImageQuestion) -> bytes | Flaw:
    """What the target holds of an image. A file that is there and cannot be read is as good as none, and said so."""
    if path not in question.paths:
        return Flaw(FindingCode.FILE_MISSING, f"no file {path}", on_disk=True)
    try:
        return read_quietly(root / path)
    except OSError as problem:
        what = f"the file {path} is there, and cannot be read: {meaning_of(problem).what}"
        return Flaw(FindingCode.FILE_MISSING, what, on_disk=True)


def _is_kept(kind: FileKind, sealed: bytes | None, question: ImageQuestion) -> bool:
    """Whether the target's row keeps this hash; true if its profile has no column for one."""
    return sealed is not None and (kind.kept is None or row_text(sealed, kind.kept) == question.hash)


def _answer(
    eyes: Eyes,
    question: ImageQuestion,
    picture: Picture,
    seen: _Copy,
    known: ImageAnswer,
    kind: FileKind,
    is_right: Callable[[], bool],
) -> ImageAnswer:
    """`is_right` tells whether the row keeps the hash that the source's picture should have."""
    view_equal, named_alike = _views(eyes, question, picture, seen)
    whole = _is_kept(kind, seen.sealed, question)
    flaws = list(seen.flaws)
    if not seen.is_equal:
        flaws.append(Flaw(FindingCode.PIXELS_DIFFER, "the file's pixels are not the source's", on_disk=True))
    if not named_alike:
        flaws.append(Flaw(FindingCode.VIEW_DIFFERS, "a viewer shows it turned, mirrored or inverted"))
    if not whole:
        flaws.append(Flaw(FindingCode.INTEGRITY_MISMATCH, "the row's hash is not the file's", on_disk=is_right()))
    return replace(
        known,
        disk_content=seen.content,
        row_content=seen.content if whole else question.hash,
        flaws=tuple(flaws),
        pixels_equal=seen.is_equal,
        view_equal=view_equal,
        integrity_equal=whole and not any(flaw.code is FindingCode.INTEGRITY_MISMATCH for flaw in seen.flaws),
    )


def _kind(eyes: Eyes, category: str | None, picture: Picture) -> FileKind:
    """The first kind of file that fits; a profile has one for every photo and one for everything else."""
    fits = {
        "xray": category not in PHOTOS,
        "photo-jpeg": category in PHOTOS and picture.format == "jpeg",
        "photo": category in PHOTOS,
    }
    return next(kind for kind in eyes.kinds if fits[kind.when])


def _is_carried(kind: FileKind, picture: Picture) -> bool:
    return not kind.is_native and picture.format == kind.format


def _content(kind: FileKind, picture: Picture, data: bytes) -> str:
    """The hash that stands for the source's picture: of its file if that is carried and covered, else of its pixels."""
    return _hash(kind, data if _is_carried(kind, picture) and kind.covers == "file" else picture.covered())


def _hash(kind: FileKind, data: bytes | memoryview) -> str:
    """What stands for a picture in the sets that are compared; a checksum is too short for that."""
    if kind.sealing.is_checksum:
        return hashlib.sha256(data).hexdigest()
    return kind.sealing.of(data).hex()


def _sealed(kind: FileKind, content: str, data: bytes | memoryview) -> bytes:
    """The hash over `data`, of which `content` stands for the same bytes already."""
    return kind.sealing.of(data) if kind.sealing.is_checksum else bytes.fromhex(content)


def _source_seal(kind: FileKind, picture: Picture, data: bytes) -> bytes | None:
    """The hash that the profile's rule gives for the source's picture, where it covers nothing of the target's own."""
    if kind.covers == "pixels":
        return kind.sealing.of(picture.covered())
    return kind.sealing.of(data) if _is_carried(kind, picture) else None


def _native(eyes: Eyes, question: ImageQuestion, kind: FileKind, picture: Picture, copy: bytes) -> _Copy:
    try:
        file = read_native(eyes.native, copy)
    except NativeDamaged as problem:
        return _Copy(flaws=(Flaw(FindingCode.HEADER_DIFFERS, str(problem), on_disk=True),))
    pixels = covered(file.pixels, keep_bytes=picture.keeps_bytes)
    content = _hash(kind, pixels)
    sealed = _sealed(kind, content, pixels) if kind.covers == "pixels" else kind.sealing.of_file(file)
    flags = file.meant.get("pixels.flags", 0)
    low_is_white = file.meant.get("pixels.low_is_white", isinstance(flags, int) and flags & LOW_IS_WHITE)
    return _Copy(
        file.pixels,
        content,
        sealed,
        is_equal=np.array_equal(file.pixels, picture.words()),
        low_is_white=bool(low_is_white),
        flaws=tuple(header_flaws(file, {**question.names, **told_by(picture, eyes.native)}, sealed, eyes.codes)),
    )


def _photo(kind: FileKind, picture: Picture, data: bytes, copy: bytes) -> _Copy:
    """A photo of the source's own format is the same file bit for bit; any other has the same samples.

    Neither format can say that low values are white: `picture` has them black already, as the file must.
    """
    carried = _is_carried(kind, picture)
    try:
        shown = picture if carried and copy == data else look_at_photo(copy)
    except SourceWanting:
        return _Copy()
    if shown.format != kind.format:
        return _Copy(flaws=(Flaw(FindingCode.HEADER_DIFFERS, f"the file is no {kind.format}", on_disk=True),))
    is_equal = copy == data if carried else np.array_equal(shown.samples, picture.samples)
    covers_file = kind.covers == "file"
    sealed_bytes = copy if covers_file else shown.covered()
    content = _hash(kind, sealed_bytes if carried or not covers_file else shown.covered())
    sealed = _sealed(kind, content, sealed_bytes) if carried or not covers_file else kind.sealing.of(copy)
    return _Copy(shown.samples, content, sealed, is_equal, turns_itself_alike=shown.exif == picture.exif)


def _views(eyes: Eyes, question: ImageQuestion, picture: Picture, seen: _Copy) -> tuple[bool, bool]:
    """Whether the pictures are equal as both viewers show them, and whether both are turned alike.

    Both arrays are really turned and compared, so that nothing rests on how a turn is called.
    """
    if question.view is None:
        return False, False
    source, target = eyes.source_turner, eyes.target_turner
    try:
        turn = whole_of(question.rotation), truth_of(question.mirrored)
        other = reading_of(eyes.template, question.view)
        alike = source.name(*turn) == target.name(*other)
        if seen.samples is None:
            return False, alike
        equal = np.array_equal(source.shown(picture.words(), *turn), target.shown(seen.samples, *other))
    except ValueError:
        return False, False
    otherwise = seen.low_is_white != picture.low_is_white or not seen.turns_itself_alike
    return equal and not otherwise, alike and not otherwise
