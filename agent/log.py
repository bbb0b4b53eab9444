"""The agent's own log: one JSON line on stderr for the service manager to keep. Codes and numbers, no data.

The standard library does it: a logging framework would cost a tenth of the memory the agent may use.
"""

from __future__ import annotations

import json
import logging
import sys
import time

_log = logging.getLogger("bitewing.agent")


def tell(event: str, **codes: str | int | float | None) -> None:
    """One line: what happened, with codes of the vocabulary and numbers."""
    _log.warning(json.dumps({"at": int(time.time()), "event": event, **codes}))


def to_stderr() -> None:
    """Send the lines to stderr, and nothing of the libraries' own below warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.propagate = False
