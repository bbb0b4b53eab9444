"""`bitewing-agent` as a process of its own, with the fake engine: `python -P agent_process.py --job DIR VERB ...`.

At the end it leaves DIR/agent-modules.json: every module it loaded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agent import compose
from agent.cli.main import main
from agent.engine_process import Command
from protocol.vocabulary import Phase

FAKE = str(Path(__file__).with_name("fake_engine.py"))


def fake_command(folder: Path) -> Command:
    """How the fake engine is started."""

    def command(phase: Phase) -> tuple[str, ...]:
        return (sys.executable, "-P", FAKE, "--job", str(folder), "--events", phase.value)

    return command


if __name__ == "__main__":
    compose.engine_command = fake_command
    try:
        main()
    finally:
        Path(sys.argv[2], "agent-modules.json").write_text(json.dumps(sorted(sys.modules)))
