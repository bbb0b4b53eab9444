"""What a source file shows, seen with own eyes and judged by its content."""

from __future__ import annotations

from engine.reconcile.dicom_picture import picture_in
from engine.reconcile.dicom_reader import is_dicom
from engine.reconcile.photo import look_at_photo
from engine.reconcile.picture import Picture, SourceWanting
from protocol.vocabulary import FindingCode


def look_at(data: bytes) -> Picture:
    """The picture in a source file's bytes. Raises SourceWanting, whatever the bytes are."""
    if not data:
        raise SourceWanting(FindingCode.EMPTY_FILE, "the file has no bytes")
    try:
        return picture_in(data) if is_dicom(data) else look_at_photo(data)
    except SourceWanting:
        raise
    except Exception as problem:  # one odd file does not end the run
        raise SourceWanting(FindingCode.UNREADABLE_FILE, "the file is damaged") from problem
