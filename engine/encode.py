"""From one source file to the exact file DEXIS 10 will hold. Pure: the dry run and the conversion both call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import imagecodecs

from engine.imaging.exif import lost_orientation, with_orientation
from engine.imaging.fields import FieldProblem
from engine.imaging.integrity import Bytes, digest, integrity
from engine.imaging.native import NativeFormat
from engine.imaging.pixels import Pixels
from engine.imaging.problem import ImageProblem
from engine.imaging.render import low_black
from engine.imaging.told import lost_as_photo
from engine.model import Image
from engine.profiles.functions import Unfit
from engine.profiles.schema import FileRule, TargetProfile
from engine.target.paths import path_of
from engine.target.scope import Scope
from protocol.vocabulary import FindingCode

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_LEVEL: Final = 1  # a higher level costs several times the time for a few percent


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """A target file: final path below the store, content, SHA-256 of the whole (hex), the profile's integrity hash.

    The content is `pieces`, one after the other: a payload is never copied only to stand between header and trailer.
    `lost` says in words what of how the source wants its picture shown has no place in the file.
    """

    path: str
    pieces: tuple[Bytes, ...]
    sha256: str
    integrity: bytes
    lost: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the whole content."""
        return sum(map(len, self.pieces))

    @property
    def data(self) -> bytes:
        """The whole content in one piece."""
        return b"".join(self.pieces)


class Encoder:
    """Encodes images for one target profile."""

    def __init__(self, profile: TargetProfile) -> None:
        self._rules, self._native = profile.files, NativeFormat(profile.native)

    def encode(self, image: Image, scope: Scope, key: int, source: bytes, pixels: Callable[[], Pixels]) -> EncodedFile:
        """The file `image` becomes. `pixels` decodes `source`; it is not called where the file is carried bit for bit.

        Raises ImageProblem where the target has no form for this picture.
        """
        rule = self._rule(image, source)
        carried = _is_carried(rule, source)
        needs_pixels = not carried or rule.integrity.covers == "pixels"
        decoded = pixels() if needs_pixels else None
        if rule.type == "dex" and decoded is not None:
            return self._native_file(rule, scope, key, source, decoded)
        lost = () if decoded is None or carried else lost_as_photo(decoded)
        decoded = None if decoded is None else low_black(decoded)
        data = source if carried or decoded is None else _png(decoded)
        return _encoded(rule, key, scope, (data,), integrity(rule.integrity, file=data, pixels=decoded), lost)

    def _rule(self, image: Image, source: bytes) -> FileRule:
        cases = {
            "xray": not image.category.is_photo,
            "photo-jpeg": image.category.is_photo and source.startswith(_JPEG),
            "photo": image.category.is_photo,
        }
        for rule in self._rules:
            if cases[rule.when]:
                return rule
        raise ImageProblem(FindingCode.NO_DECODER, "no [[files]] rule of the target profile fits this image")

    def _native_file(self, rule: FileRule, scope: Scope, key: int, source: bytes, pixels: Pixels) -> EncodedFile:
        names = {**scope.names, **self._native.names(pixels)}

        def values(seal: bytes) -> Mapping[str, object]:
            functions = scope.with_integrity(seal).functions
            return {name: rule.evaluate(names, functions) for name, rule in self._native.expressions.items()}

        payload = self._native.pack(pixels, source)
        try:
            parts, seal = self._native.sealed(rule.integrity, values, pixels, payload)
            shown = self._native.lost(pixels, lambda: values(seal))
            lost = (*shown, *lost_orientation(pixels.exif), *pixels.beside)
        except FieldProblem as problem:
            raise ImageProblem(problem.code, f"native header: {problem}") from problem
        except Unfit as problem:
            raise ImageProblem(FindingCode.TEXT_NOT_REPRESENTABLE, f"native header: {problem}") from problem
        return _encoded(rule, key, scope, parts.pieces, seal, lost)


def _encoded(
    rule: FileRule, key: int, scope: Scope, pieces: tuple[Bytes, ...], integrity_hash: bytes, lost: tuple[str, ...]
) -> EncodedFile:
    return EncodedFile(path_of(rule.path, key, scope), pieces, digest("sha256", pieces).hex(), integrity_hash, lost)


def _is_carried(rule: FileRule, source: bytes) -> bool:
    """Whether the source file itself is the target file, bit for bit."""
    return (rule.type == "jpg" and source.startswith(_JPEG)) or (rule.type == "png" and source.startswith(_PNG))


def _png(pixels: Pixels) -> bytes:
    """The same samples as a PNG, low values black, and the same EXIF orientation.

    Raises ImageProblem for signed samples, which PNG cannot hold.
    """
    if pixels.signed:
        raise ImageProblem(FindingCode.NO_DECODER, "signed samples have no form in PNG")
    return with_orientation(bytes(imagecodecs.png_encode(pixels.array, level=_PNG_LEVEL)), pixels.exif)
