"""Programs that the tests need and no wheel brings: installed from Debian where that is possible.

`python -m tests.simulators.debian` does so before the tests run, where a person can read what is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def program(name: str, package: str) -> str:
    """The path of a program. Installs its package when run by root; otherwise fails with the line that helps."""
    if (found := shutil.which(name)) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing Debian's package {package}, for {name}", file=sys.stderr)
        if not _install(package):
            subprocess.run(["apt-get", "-qq", "update"], stdout=subprocess.DEVNULL, check=False)
            _install(package)
        found = shutil.which(name)
    if found is None:
        raise AssertionError(f"this test needs {name}: apt-get install {package}")
    return found


def _install(package: str) -> bool:
    command = ["apt-get", "install", "--yes", "--quiet", package]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def main() -> None:
    """What cannot be had is said here, and once more by the tests that need it."""
    from tests.simulators.chromium import find_browser
    from tests.simulators.sqlserver.talking import make_driver_manager

    for needed in (lambda: program("strace", "strace"), find_browser, make_driver_manager):
        try:
            needed()
        except AssertionError as problem:
            print(problem, file=sys.stderr)


if __name__ == "__main__":
    main()
