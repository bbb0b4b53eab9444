"""What is asked of the operating system for the length of a phase: not to fall asleep, and how to weigh it.

Windows sleeps when nobody touches the keyboard, whatever runs; a service on Linux is not put to sleep, so nothing is
asked there. PowerCreateRequest, PowerSetRequest and PowerClearRequest, as documented, hold for the process (unlike
SetThreadExecutionState, which holds for a thread) and show in `powercfg /requests` with our reason.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_VERSION, _SIMPLE_STRING = 0, 1  # POWER_REQUEST_CONTEXT_VERSION, POWER_REQUEST_CONTEXT_SIMPLE_STRING
_SYSTEM_REQUIRED: Final = 1  # PowerRequestSystemRequired: the screen may go dark, the machine stays awake
_BELOW_NORMAL: Final = 0x4000  # BELOW_NORMAL_PRIORITY_CLASS; processes that are started from here inherit it
_NICER: Final = 10  # how much nicer on other systems; inherited as well
_INVALID: Final = ctypes.c_void_p(-1).value


class _Detailed(ctypes.Structure):
    _fields_ = (
        ("module", ctypes.c_void_p),
        ("string_id", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("strings", ctypes.POINTER(ctypes.c_wchar_p)),
    )


class _Reason(ctypes.Union):
    _fields_ = (("detailed", _Detailed), ("text", ctypes.c_wchar_p))


class ReasonContext(ctypes.Structure):
    """REASON_CONTEXT: why the machine must stay awake."""

    _fields_ = (("version", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("reason", _Reason))

    @staticmethod
    def of(text: str) -> ReasonContext:
        return ReasonContext(_VERSION, _SIMPLE_STRING, _Reason(text=text))


@contextmanager
def kept_awake(why: str, *, platform: str = sys.platform, kernel: Callable[[], Any] | None = None) -> Iterator[bool]:
    """Between enter and exit Windows does not put the machine to sleep; whether that could be had.

    A system that refuses stops nothing: the run is resumable. `kernel` gives kernel32.
    """
    if platform != "win32":
        yield False
        return
    calls = (kernel or _kernel32)()
    handle = calls.PowerCreateRequest(ctypes.byref(ReasonContext.of(why)))
    held = handle not in (None, 0, _INVALID)
    try:
        yield held and bool(calls.PowerSetRequest(handle, _SYSTEM_REQUIRED))
    finally:
        if held:
            calls.PowerClearRequest(handle, _SYSTEM_REQUIRED)
            calls.CloseHandle(handle)


def lower_priority(*, platform: str = sys.platform, kernel: Callable[[], Any] | None = None) -> bool:
    """This process, and every worker it starts from now on, gives way to others; whether the system agreed."""
    if platform == "win32":
        calls = (kernel or _kernel32)()
        return bool(calls.SetPriorityClass(calls.GetCurrentProcess(), _BELOW_NORMAL))
    if sys.platform != "win32":
        os.nice(_NICER)
    return True


def _kernel32() -> Any:
    """kernel32 with the types of what is called here: a handle is wider than the int that ctypes would assume."""
    if sys.platform != "win32":
        raise OSError("kernel32 is a part of Windows")
    calls: Any = ctypes.WinDLL("kernel32", use_last_error=True)
    calls.PowerCreateRequest.restype = calls.GetCurrentProcess.restype = ctypes.c_void_p
    calls.PowerCreateRequest.argtypes = [ctypes.POINTER(ReasonContext)]
    for call in (calls.PowerSetRequest, calls.PowerClearRequest):
        call.argtypes = [ctypes.c_void_p, ctypes.c_int]
    calls.CloseHandle.argtypes = [ctypes.c_void_p]
    calls.SetPriorityClass.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    return calls
