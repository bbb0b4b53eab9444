"""What a program and all its children ask of the operating system, as strace sees it, judged for changes to files."""

from __future__ import annotations

import codecs
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.simulators.debian import program

# Calls that change a file or an entry, and where their paths stand: a position, or (folder's descriptor, path).
_CHANGES: Final[dict[str, tuple[int | tuple[int, int], ...]]] = {
    **{"creat": (0,), "truncate": (0,), "ftruncate": (0,), "fallocate": (0,)},
    **{"rename": (0, 1), "renameat": ((0, 1), (2, 3)), "renameat2": ((0, 1), (2, 3))},
    **{"link": (0, 1), "linkat": ((0, 1), (2, 3)), "symlink": (1,), "symlinkat": ((1, 2),)},
    **{"unlink": (0,), "unlinkat": ((0, 1),), "rmdir": (0,)},
    **{"mkdir": (0,), "mkdirat": ((0, 1),), "mknod": (0,), "mknodat": ((0, 1),)},
    **{"chmod": (0,), "fchmod": (0,), "fchmodat": ((0, 1),), "fchmodat2": ((0, 1),)},
    **{"chown": (0,), "lchown": (0,), "fchown": (0,), "fchownat": ((0, 1),)},
    **{"utime": (0,), "utimes": (0,), "futimesat": ((0, 1),), "utimensat": ((0, 1),)},
    **{"setxattr": (0,), "lsetxattr": (0,), "fsetxattr": (0,)},
    **{"removexattr": (0,), "lremovexattr": (0,), "fremovexattr": (0,)},
}
_OPENS: Final[dict[str, tuple[int | tuple[int, int], int]]] = {
    "open": (0, 1),
    "openat": ((0, 1), 2),
    "openat2": ((0, 1), 2),
}
_WRITING: Final = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
_LINE: Final = re.compile(r"(\w+)\((.*)\)\s+= ")
_DESCRIPTOR: Final = re.compile(r"(?:AT_FDCWD|\d+)<(.*)>(?:\(deleted\))?$")
_MOVES: Final = ("chdir", "fchdir", "chroot", "pivot_root", "mount", "umount2")


@dataclass(frozen=True, slots=True)
class SystemCall:
    """One call that names files: its paths as they were given, made absolute, and whether it changes something."""

    name: str
    paths: tuple[Path, ...]
    changes: bool


def traced(command: Sequence[str | Path], folder: Path, environment: dict[str, str]) -> list[SystemCall]:
    """Runs a command to its end. Every call of it and its children that names a file. Traces are kept in `folder`."""
    strace = program("strace", "strace")
    wanted = ",".join(("%file", *(f"?{name}" for name in _CHANGES if name.startswith("f")), "fchdir"))
    folder.mkdir()
    cwd = Path.cwd()
    watching = [strace, "-ff", "-y", "-qq", "--seccomp-bpf", "-f", "-e", f"trace={wanted}", "-o", folder / "trace"]
    done = subprocess.run([*watching, *command], env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [call for file in sorted(folder.iterdir()) for call in _calls(file, cwd)]


def changed_below(calls: Sequence[SystemCall], roots: Sequence[Path]) -> list[SystemCall]:
    """Those that change, or try to change, anything below `roots`, under whatever name; links are followed."""
    real = [Path(os.path.realpath(root)) for root in roots]
    return [call for call in calls if call.changes and any(_is_below(path, real) for path in call.paths)]


def opened_below(calls: Sequence[SystemCall], root: Path) -> set[Path]:
    """The files below `root` that were opened, under their real names."""
    real = [Path(os.path.realpath(root))]
    opened = {path for call in calls if call.name in _OPENS for path in call.paths if _is_below(path, real)}
    return {Path(os.path.realpath(path)) for path in opened}


def _is_below(path: Path, roots: Sequence[Path]) -> bool:
    """By the file it leads to, and by the entry itself where that is a link."""
    names = (Path(os.path.realpath(path)), Path(os.path.realpath(path.parent)) / path.name)
    return any(name.is_relative_to(root) for name in names for root in roots)


def _calls(file: Path, cwd: Path) -> Iterator[SystemCall]:
    for line in file.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if found := _LINE.match(line):
            name, arguments = found[1], _arguments(found[2])
            if name in _MOVES and arguments != [f'"{cwd}"']:  # a new worker goes where its parent already is
                raise AssertionError(f"{line}: relative paths after this cannot be judged")
            if name in _OPENS:
                where, flags = _OPENS[name]
                yield SystemCall(name, (_path(arguments, where, cwd),), bool(_WRITING.search(arguments[flags])))
            elif name in _CHANGES:
                yield SystemCall(name, tuple(_path(arguments, where, cwd) for where in _CHANGES[name]), changes=True)


def _path(arguments: list[str], where: int | tuple[int, int], cwd: Path) -> Path:
    folder, position = (None, where) if isinstance(where, int) else where
    base = cwd if folder is None else _of_descriptor(arguments[folder])
    given = arguments[position]
    if given.startswith('"'):
        return base / os.fsdecode(codecs.escape_decode(given.rstrip(".")[1:-1])[0])
    return base if given == "NULL" else _of_descriptor(given)


def _of_descriptor(text: str) -> Path:
    found = _DESCRIPTOR.match(text)
    assert found, f"no descriptor: {text}"
    return Path(os.fsdecode(codecs.escape_decode(found[1].removesuffix(">(deleted)"))[0]))


def _arguments(text: str) -> list[str]:
    """A call's arguments, split at the commas that stand in no quotes, brackets or names of files."""
    parts, depth, quoted, escaped = [""], 0, False, False
    for letter in text:
        if quoted:
            quoted, escaped = escaped or letter != '"', letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        else:
            depth += (letter in "<[{(") - (letter in ">]})")
        if letter == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
