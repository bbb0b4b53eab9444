"""Programs that the tests need and no wheel brings: installed from Debian where that is possible, and said so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def program(name: str, package: str) -> str:
    """The path of a program. Installs its package when run by root; otherwise fails with the line that helps."""
    if (found := shutil.which(name)) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing Debian's package {package}, for {name}", file=sys.stderr)
        subprocess.run(["apt-get", "install", "--yes", "--quiet", package], stdout=subprocess.DEVNULL, check=False)
        found = shutil.which(name)
    if found is None:
        raise AssertionError(f"this test needs {name}: apt-get install {package}")
    return found
