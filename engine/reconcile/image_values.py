"""What workers are asked about one image, and what they answer: values that can be sent to a process and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.reconcile.native_reader import NativeLayout, Value
from engine.reconcile.native_seal import Sealing
from engine.reconcile.rendering import Turner
from protocol.vocabulary import FindingCode

_FORMATS = {"jpg": "jpeg", "png": "png"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """One of the target's [[files]]: when it applies, its type, where it stands, and its integrity hash.

    `kept` is the expression by which a column keeps the hash, None if no column does.
    """

    when: str
    type: str
    path: str
    sealing: Sealing
    kept: str | None

    @property
    def covers(self) -> str:
        return self.sealing.covers

    @property
    def is_native(self) -> bool:
        return self.type not in _FORMATS

    @property
    def format(self) -> str:
        """What the content of a photo's file is."""
        return _FORMATS[self.type]


@dataclass(frozen=True, slots=True)
class Eyes:
    """All that is needed to look at any image of a run; `codes` are the target's, by the model's words."""

    source_roots: tuple[Path, ...]
    target_root: Path
    source_turner: Turner
    target_turner: Turner
    template: str
    kinds: tuple[FileKind, ...]
    native: NativeLayout
    codes: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)


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

    `content` is recomputed from the source, `disk_content` from the target file, which should stand at `path`;
    `row_content` is what the row's hash vouches for: all three are equal if everything is.
    """

    wanting: FindingCode | None = None
    detail: str = ""
    content: str | None = None
    disk_content: str | None = None
    row_content: str | None = None
    path: str | None = None
    flaws: tuple[Flaw, ...] = field(default=())
    pixels_equal: bool = False
    view_equal: bool = False
    integrity_equal: bool = False
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be. `on_disk` says that the file shows it, not the rows."""

    code: FindingCode
    detail: str
    on_disk: bool = False
