"""The source is only read: a trace of every system call of all phases shows no change, and no attempt at one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from engine.source.check import source_check
from tests.engine.tiny import Tiny, TinyPractice
from tests.simulators.system_calls import SystemCall, changed_below, opened_below, traced

_PHASES = """
import sys
from pathlib import Path
from engine.phases import convert, dry_run, reconcile, stage
from protocol.vocabulary import Phase, Verdict
from tests.engine.tiny import Tiny, run_phase
if __name__ == "__main__":
    roads = (stage, Phase.STAGE), (dry_run, Phase.DRY_RUN), (convert, Phase.CONVERT), (reconcile, Phase.RECONCILE)
    for module, phase in roads:
        result, told = run_phase(module.run, phase, Tiny(Path(sys.argv[1])))
        failed = [check for check in result.checks if check.verdict is Verdict.FAIL]
        assert not failed, (phase, failed, told.findings)
"""
# Each of them a thing that must be seen, under names that make it hard.
_OFFENCES = {
    "change times of an open file": "os.utime(file)",
    "change rights of an open file": "os.fchmod(file, 0o600)",
    "open for writing": "open(store / 'a.dcm', 'r+b')",
    "open to append": "open(store / 'a.dcm', 'ab')",
    "create": "(store / 'new').touch()",
    "create through a link": "(link / '1.2.11' / 'new').touch()",
    "truncate": "os.truncate(store / 'a.dcm', 3)",
    "rename away": "os.rename(store / 'a.dcm', job / 'a.dcm')",
    "rename within a folder": "os.rename('a.dcm', 'b', src_dir_fd=folder, dst_dir_fd=folder)",
    "unlink by the descriptor of its folder": "os.unlink('a.dcm', dir_fd=folder)",
    "hard link to outside": "os.link(store / 'a.dcm', job / 'a.dcm')",
    "symbolic link inside": "os.symlink('x', store / 'y')",
    "make a folder": "os.mkdir('sub', dir_fd=folder)",
    "remove a folder": "(store / 'empty').rmdir()",
    "change times": "os.utime(store / 'a.dcm')",
    "change rights": "os.chmod(store / 'a.dcm', 0o600)",
    "change the owner": "os.chown(store / 'a.dcm', os.getuid(), os.getgid())",
    "extended attribute": "os.setxattr(store / 'a.dcm', 'user.x', b'y')",
    "attempt that fails": "os.unlink(store / 'not-there')",
    "backup": "open(job.parent / 'backup.sqlite', 'r+b')",
    "production": "sqlite3.connect(job.parent / 'core.sqlite').execute('SELECT 1 FROM patient').close()",
}
_OFFENDER = """
import os, sqlite3, sys
from pathlib import Path
job = Path(sys.argv[1]); store, link = job.parent / "source" / "1.2.11", job.parent / "link"
folder, file = os.open(store, os.O_RDONLY), os.open(store / "a.dcm", os.O_RDONLY)
def try_it(function):
    try:
        function()
    except OSError:
        pass
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A practice with its production database, its backup, a store that is reached through a link, and two workers."""
    tiny = TinyPractice().build(tmp_path / "practice", workers=2)
    folder = tiny.folder.parent
    shutil.move(folder / "staging.sqlite", folder / "core.sqlite")
    shutil.copy(folder / "core.sqlite", folder / "backup.sqlite")
    (folder / "link").symlink_to("source", target_is_directory=True)
    (folder / "source" / "1.2.11" / "empty").mkdir()
    settings = tiny.folder / "job.toml"
    text = settings.read_text(encoding="utf-8").replace("'../source'", "'../link'")
    settings.write_text(text.replace("[target]", "production = 'sqlite:///../core.sqlite'\n[target]"), encoding="utf-8")
    return tiny


def _protected(tiny: Tiny) -> list[Path]:
    return [tiny.folder.parent / name for name in ("source", "link", "core.sqlite", "backup.sqlite")]


def _trace(tiny: Tiny, text: str) -> list[SystemCall]:
    program = tiny.folder.parent / "program.py"
    program.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    return traced([sys.executable, program, tiny.folder], tiny.folder.parent / "traces", environment)


def _seen(folder: Path) -> dict[str, tuple[int, ...]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def _elsewhere(calls: list[SystemCall], folder: Path) -> list[SystemCall]:
    """What was changed outside of the practice's folders, where patient data has no business; semaphores hold none."""
    written = [call for call in calls if call.changes and not changed_below([call], [folder])]
    return [call for call in written if not all(str(path).startswith("/dev/shm/sem.") for path in call.paths)]


def test_all_phases_change_nothing_of_the_source_and_try_nothing(tiny: Tiny) -> None:
    folder = tiny.folder.parent
    before = {root: _seen(root) for root in _protected(tiny)}
    calls = _trace(tiny, _PHASES)
    assert changed_below(calls, _protected(tiny)) == []
    files = {path for path in (folder / "source").rglob("*") if path.is_file()}
    assert files | {folder / "backup.sqlite", folder / "core.sqlite"} <= opened_below(calls, folder)
    assert changed_below(calls, [folder / "target"])
    assert _elsewhere(calls, folder) == []
    assert {root: _seen(root) for root in _protected(tiny)} == before
    state = source_check(tiny.job)
    assert (state.changed, state.arrivals) == ((), 0)
    assert not list(folder.glob("*.sqlite-*"))


def test_the_trace_shows_every_way_to_change_the_source(tiny: Tiny) -> None:
    lines = [f"try_it(lambda: open('/offence/{what}')); try_it(lambda: {code})" for what, code in _OFFENCES.items()]
    calls = _trace(tiny, "\n".join((_OFFENDER, *lines)))
    seen, offence = set(), ""
    for call in calls:
        if str(call.paths[0]).startswith("/offence/"):
            offence = call.paths[0].name
        elif changed_below([call], _protected(tiny)):
            seen.add(offence)
    assert set(_OFFENCES) - seen == set()


def test_reading_is_no_offence(tiny: Tiny) -> None:
    reading = "os.listdir(link); (store / 'a.dcm').read_bytes(); os.readlink(link)"
    calls = _trace(tiny, f"{_OFFENDER}{reading}\nopen(job / 'ours', 'w')\n")
    assert changed_below(calls, _protected(tiny)) == []
