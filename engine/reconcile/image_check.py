"""One image, source file against target file: pixels, view, integrity hash and what the target's header says.

Runs in worker processes; everything here is a value that can be sent to one, or comes back from one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.disk_view import path_for
from engine.reconcile.flaw import Flaw
from engine.reconcile.header_check import LOW_IS_WHITE, header_flaws, told_by
from engine.reconcile.native_reader import NativeDamaged, NativeLayout, Value, read_native
from engine.reconcile.rendering import Turner, reading_of, truth_of, whole_of
from engine.reconcile.source_pixels import Picture, SourceWanting, look_at, look_at_photo, words_of
from protocol.vocabulary import FindingCode

PHOTOS = frozenset({"intraoral-photo", "extraoral-photo"})
_FORMATS = {"jpg": "jpeg", "png": "png"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """One of the target's [[files]]: when it applies, its type, where it stands, and what its hash covers."""

    when: str
    type: str
    path: str
    algorithm: str
    covers: str

    @property
    def is_native(self) -> bool:
        return self.type not in _FORMATS

    @property
    def format(self) -> str:
        """What the content of a photo's file is."""
        return _FORMATS[self.type]


@dataclass(frozen=True, slots=True)
class Eyes:
    """All that is needed to look at any image of a run."""

    source_roots: tuple[Path, ...]
    target_root: Path
    source_turner: Turner
    target_turner: Turner
    template: str
    kinds: tuple[FileKind, ...]
    native: NativeLayout


@dataclass(frozen=True, slots=True)
class ImageQuestion:
    """One image to look at.

    `key` is its target key, None where the target has no row; `view` and `hash` are what the target's row keeps, the
    view as the profile's template writes it; `paths` are the files that stand for this key. `names` is what the
    header of a native file must repeat, by the profile's expressions, but for what only the picture tells.
    """

    file: str
    category: str | None
    rotation: Any
    mirrored: Any
    names: Mapping[str, Value]
    key: int | None
    view: str | None
    hash: str | None
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """What was seen. `wanting` is why the source cannot give the picture; hashes are hexadecimal.

    `content` is recomputed from the source, `disk_content` from the target file, which should stand at `path`.
    """

    wanting: FindingCode | None = None
    detail: str = ""
    content: str | None = None
    disk_content: str | None = None
    path: str | None = None
    flaws: tuple[Flaw, ...] = field(default=())
    pixels_equal: bool = False
    view_equal: bool = False
    integrity_equal: bool = False
    bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Copy:
    """What a target file shows; `samples` are None where no picture can be made of it."""

    samples: NDArray[Any] | None
    content: str | None
    is_equal: bool
    low_is_white: bool
    flaws: tuple[Flaw, ...] = ()


def examine(eyes: Eyes, question: ImageQuestion) -> ImageAnswer:
    """Looks at both files of one image."""
    try:
        data, place = _source_bytes(eyes, question.file)
        picture = look_at(data, place)
    except SourceWanting as wanting:
        return ImageAnswer(wanting.code, wanting.detail)
    kind = _kind(eyes, question.category, picture)
    content = _hash(kind, data, picture.covered())
    if question.key is None:
        return ImageAnswer(content=content, bytes=len(data))
    path = path_for(kind.path, question.key)
    copy = _read(eyes.target_root / path) if path in question.paths else None
    if copy is None:
        missing = Flaw(FindingCode.FILE_MISSING, f"no file {path}", on_disk=True)
        return ImageAnswer(content=content, path=path, flaws=(missing,), bytes=len(data))
    seen = _native(eyes, question, kind, picture, copy) if kind.is_native else _photo(kind, picture, data, copy)
    return _answer(eyes, question, picture, seen, ImageAnswer(content=content, path=path, bytes=len(data) + len(copy)))


def _answer(eyes: Eyes, question: ImageQuestion, picture: Picture, seen: _Copy, known: ImageAnswer) -> ImageAnswer:
    view_equal, named_alike = _views(eyes, question, picture, seen)
    whole = seen.content is not None and seen.content == question.hash
    flaws = list(seen.flaws)
    if not seen.is_equal:
        flaws.append(Flaw(FindingCode.PIXELS_DIFFER, "the file's pixels are not the source's", on_disk=True))
    if not named_alike:
        flaws.append(Flaw(FindingCode.VIEW_DIFFERS, "a viewer shows it turned, mirrored or inverted"))
    if not whole:
        flaws.append(Flaw(FindingCode.INTEGRITY_MISMATCH, "the row's hash is not the file's"))
    return replace(
        known,
        disk_content=seen.content,
        flaws=tuple(flaws),
        pixels_equal=seen.is_equal,
        view_equal=view_equal,
        integrity_equal=whole and not any(flaw.code is FindingCode.INTEGRITY_MISMATCH for flaw in seen.flaws),
    )


def _source_bytes(eyes: Eyes, file: str) -> tuple[bytes, Path]:
    """A source file's bytes and place, from the first root that has it; never from outside the store."""
    for root in eyes.source_roots:
        place = root / file
        if place.is_file() and place.resolve().is_relative_to(root.resolve()):
            data = _read(place)
            if data is None:
                raise SourceWanting(FindingCode.UNREADABLE_FILE, "the file cannot be opened")
            return data, place
    raise SourceWanting(FindingCode.MISSING_FILE, "no such file in the source store")


def _read(place: Path) -> bytes | None:
    """A file's bytes, None if it cannot be read; the time of last access stays as it was where the system allows."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        try:
            handle = os.open(place, flags | getattr(os, "O_NOATIME", 0))
        except PermissionError:
            handle = os.open(place, flags)
        with os.fdopen(handle, "rb") as file:
            return file.read()
    except OSError:
        return None


def _kind(eyes: Eyes, category: str | None, picture: Picture) -> FileKind:
    """The first kind of file that fits; a profile has one for every photo and one for everything else."""
    fits = {
        "xray": category not in PHOTOS,
        "photo-jpeg": category in PHOTOS and picture.format == "jpeg",
        "photo": category in PHOTOS,
    }
    return next(kind for kind in eyes.kinds if fits[kind.when])


def _hash(kind: FileKind, file: bytes, pixels: bytes) -> str:
    return hashlib.new(kind.algorithm, file if kind.covers == "file" else pixels, usedforsecurity=False).hexdigest()


def _native(eyes: Eyes, question: ImageQuestion, kind: FileKind, picture: Picture, copy: bytes) -> _Copy:
    try:
        file = read_native(eyes.native, copy)
    except NativeDamaged as problem:
        return _Copy(None, None, False, False, (Flaw(FindingCode.HEADER_DIFFERS, str(problem), on_disk=True),))
    samples = file.pixels
    is_equal = np.array_equal(samples, picture.words())
    content = _hash(kind, copy, words_of(samples, keep_bytes=picture.keeps_bytes))
    flags = file.meant.get("pixels.flags", 0)
    flaws = header_flaws(file, {**question.names, **told_by(picture)}, content)
    return _Copy(samples, content, is_equal, bool(isinstance(flags, int) and flags & LOW_IS_WHITE), tuple(flaws))


def _photo(kind: FileKind, picture: Picture, data: bytes, copy: bytes) -> _Copy:
    """A photo of the source's own format is the same file bit for bit; any other has the same samples."""
    try:
        shown = look_at_photo(copy)
    except SourceWanting:
        return _Copy(None, None, False, False)
    if shown.format != kind.format:
        return _Copy(
            None, None, False, False, (Flaw(FindingCode.HEADER_DIFFERS, f"not a {kind.format}", on_disk=True),)
        )
    is_equal = copy == data if picture.format == shown.format else np.array_equal(shown.samples, picture.samples)
    return _Copy(shown.samples, _hash(kind, copy, shown.covered()), is_equal, picture.low_is_white)


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
    inverted = seen.low_is_white != picture.low_is_white
    return equal and not inverted, alike and not inverted
