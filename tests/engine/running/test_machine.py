"""What is asked of the operating system: by injection for Windows, by the process itself elsewhere."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from engine.running.machine import ReasonContext, kept_awake, lower_priority


class Kernel:
    """kernel32, noting what is asked of it."""

    def __init__(self, *, handle: int | None = 7, agrees: bool = True) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._handle, self._agrees = handle, agrees

    def PowerCreateRequest(self, reference: object) -> int | None:  # noqa: N802 - the system's own name
        context = reference._obj  # type: ignore[attr-defined]
        self.calls.append(("create", context.version, context.flags, context.reason.text))
        return self._handle

    def PowerSetRequest(self, handle: int, kind: int) -> int:  # noqa: N802
        self.calls.append(("set", handle, kind))
        return int(self._agrees)

    def PowerClearRequest(self, handle: int, kind: int) -> int:  # noqa: N802
        self.calls.append(("clear", handle, kind))
        return 1

    def CloseHandle(self, handle: int) -> int:  # noqa: N802
        self.calls.append(("close", handle))
        return 1

    def GetCurrentProcess(self) -> int:  # noqa: N802
        return -1

    def SetPriorityClass(self, process: int, kind: int) -> int:  # noqa: N802
        self.calls.append(("priority", process, kind))
        return int(self._agrees)


def test_windows_is_asked_to_stay_awake_with_a_reason_and_let_go_afterwards() -> None:
    kernel = Kernel()
    with kept_awake("Bitewing: convert", platform="win32", kernel=lambda: kernel) as held:
        assert held
        assert kernel.calls == [("create", 0, 1, "Bitewing: convert"), ("set", 7, 1)]
    assert kernel.calls[2:] == [("clear", 7, 1), ("close", 7)]


def test_the_request_is_let_go_when_the_phase_fails() -> None:
    kernel = Kernel()
    with pytest.raises(RuntimeError), kept_awake("x", platform="win32", kernel=lambda: kernel):
        raise RuntimeError
    assert kernel.calls[-1] == ("close", 7)


@pytest.mark.parametrize("handle", [None, 0, ctypes.c_void_p(-1).value])
def test_a_system_that_refuses_stops_nothing_and_no_false_handle_is_used(handle: int | None) -> None:
    kernel = Kernel(handle=handle)
    with kept_awake("x", platform="win32", kernel=lambda: kernel) as held:
        assert not held
    assert [call[0] for call in kernel.calls] == ["create"]


def test_a_request_that_was_made_and_not_granted_is_still_closed() -> None:
    kernel = Kernel(agrees=False)
    with kept_awake("x", platform="win32", kernel=lambda: kernel) as held:
        assert not held
    assert kernel.calls[-1] == ("close", 7)


def test_elsewhere_nothing_is_asked() -> None:
    def never() -> object:
        raise AssertionError

    with kept_awake("x", platform="linux", kernel=never) as held:
        assert not held


def test_the_reason_lies_where_windows_looks_for_it() -> None:
    assert ReasonContext.reason.offset == 8
    assert ctypes.sizeof(ReasonContext) == (32 if ctypes.sizeof(ctypes.c_void_p) == 8 else 24)


def test_windows_is_asked_for_a_priority_that_workers_inherit() -> None:
    kernel = Kernel()
    assert lower_priority(platform="win32", kernel=lambda: kernel)
    assert kernel.calls == [("priority", -1, 0x4000)]
    assert not lower_priority(platform="win32", kernel=lambda: Kernel(agrees=False))


@pytest.mark.skipif(sys.platform == "win32", reason="nice values are of other systems")
def test_elsewhere_the_process_and_its_children_become_nicer() -> None:
    code = (
        "import os, subprocess, sys; from engine.running.machine import lower_priority; lower_priority();"
        "subprocess.run([sys.executable, '-c', 'import os; print(os.nice(0))'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == min(os.nice(0) + 10, 19)
