"""A process with mounts of its own: a real small disk, a real read-only one. Nothing outside of it changes.

Root may mount. Anybody else becomes root of a user namespace of its own first, where the system allows that.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Final

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # linux/sched.h: CLONE_NEWNS, CLONE_NEWUSER
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000  # linux/mount.h
_DETACH: Final = 2  # sys/mount.h: MNT_DETACH
_NEEDED: Final = (
    "this test mounts a small disk: run it as root with CAP_SYS_ADMIN (docker: --cap-add SYS_ADMIN), or allow"
    " user namespaces (sysctl kernel.unprivileged_userns_clone=1)"
)


def separate_mounts() -> None:
    """From now on this process, which has one thread, mounts for itself alone. Raises AssertionError if it may not."""
    user, group = os.geteuid(), os.getegid()
    try:
        if user == 0:
            _call("unshare", _NEW_MOUNTS)
        else:
            _call("unshare", _NEW_USER | _NEW_MOUNTS)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        _call("mount", b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
    except OSError as error:
        raise AssertionError(f"{_NEEDED} ({error})") from error


def mount_small_disk(folder: Path, size: int) -> None:
    """A disk of `size` bytes at `folder`; what was there is hidden. Repeated, it changes the size."""
    remount = _REMOUNT if folder.is_mount() else 0
    _call("mount", b"none", os.fsencode(folder), b"tmpfs", remount, f"size={size}".encode())


def make_read_only(folder: Path, read_only: bool) -> None:
    """Sets a folder read-only, or writable again; a file that is open for writing, such as a lock, stays so."""
    place = os.fsencode(folder)
    if read_only:
        _call("mount", place, place, None, _BIND, None)
        _call("mount", b"none", place, None, _REMOUNT | _BIND | _READ_ONLY, None)
    else:
        _call("umount2", place, _DETACH)


def _call(name: str, *arguments: object) -> None:
    system = ctypes.CDLL(None, use_errno=True)
    if getattr(system, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
