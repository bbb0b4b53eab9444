"""GDCM in a process of its own: it ends the whole process over some damaged pictures, and only that one then.

It is handed the coded picture and its form, never a file.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.reconcile.codestream import Stream

# Seconds, and more for every million pixels: ten times what a busy machine needs. GDCM loops forever over some damage.
_PATIENCE, _PATIENCE_A_MILLION = 20, 1
_STDERR = 2


def unpacked_by_gdcm(syntax: str, frame: bytes, stream: Stream) -> NDArray[Any]:
    """(h, w) or (h, w, 3) of 8 or 16 bits. Raises ValueError if GDCM cannot unpack the picture."""
    raw = _ask(syntax, frame, stream)
    if raw is None or len(raw) != stream.height * stream.width * stream.components * stream.bits // 8:
        raise ValueError("GDCM cannot unpack this picture")
    colours = [stream.components] if stream.components > 1 else []
    return np.frombuffer(raw, f"<u{stream.bits // 8}").reshape(stream.height, stream.width, *colours)


class _Helper:
    """A process that unpacks pictures for this one, until either ends."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, syntax: str, frame: bytes, stream: Stream) -> bytes | None:
        """Raises EOFError or OSError if the process ended over this picture."""
        self._line.send((syntax, frame, stream))
        if not self._line.poll(_PATIENCE + _PATIENCE_A_MILLION * stream.width * stream.height // 1_000_000):
            raise EOFError
        answer: bytes | None = self._line.recv()
        return answer

    def end(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.join()


_helpers: dict[int, _Helper] = {}  # by the process that asks: a copy of this one made by fork needs its own


def _ask(syntax: str, frame: bytes, stream: Stream) -> bytes | None:
    asker = os.getpid()
    if asker not in _helpers:
        _helpers[asker] = _Helper()
    try:
        return _helpers[asker].ask(syntax, frame, stream)
    except (EOFError, OSError):
        _helpers.pop(asker).end()
        return None


def _serve(line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDERR)  # GDCM's codecs write what they try to the terminal
    with suppress(EOFError, OSError):
        while True:
            line.send(_answer(*line.recv()))


def _answer(syntax: str, frame: bytes, stream: Stream) -> bytes | None:
    text = _image(syntax, frame, stream).GetBuffer()
    return None if text is None else bytes(text.encode("utf-8", "surrogateescape"))


def _image(syntax: str, frame: bytes, stream: Stream) -> Any:
    import gdcm  # noqa: PLC0415

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(frame)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image, kind = gdcm.Image(), gdcm.PhotometricInterpretation
    image.SetNumberOfDimensions(2)
    image.SetDimensions((stream.width, stream.height, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(kind(kind.RGB if stream.components == 3 else kind.MONOCHROME2))
    image.SetPlanarConfiguration(0)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    precision = stream.precision
    image.SetPixelFormat(gdcm.PixelFormat(stream.components, stream.bits, precision, precision - 1, 0))
    return image
