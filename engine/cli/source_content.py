"""source-check --content: reads what the dry run read once more, and says in words what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.cli.screen import Screen
    from engine.job import Job
    from engine.phases.source_content import ContentState


def read_again(job: Job, options: Options) -> ContentState:
    """Holds the job for as long as it takes. Raises as `content_check` does, and Refused where the plan is not the
    newest dry run's."""
    from engine.approved_plan import require_newest_plan
    from engine.cli.phase import obey_signals
    from engine.cli.screen import Screen
    from engine.compose import held, open_ledger
    from engine.phases.source_content import content_check
    from engine.running.control import Switch
    from engine.running.machine import kept_awake, lower_priority
    from engine.settings import Priority

    if job.run.priority is Priority.LOW:
        lower_priority()
    switch = Switch(job.run.pace)
    obey_signals(switch)
    with held(job), kept_awake("Bitewing: source-check"), Screen(quiet=options.json or options.events) as screen:
        require_newest_plan(job, open_ledger(job))
        return content_check(job, switch, _shown_on(screen))


def document(state: ContentState) -> dict[str, Any]:
    """The part of the JSON object that speaks of content."""
    from engine.source.content import Difference

    return {
        "since": _moment(state.since),
        "files": state.files,
        "bytes": state.bytes,
        "not_covered": state.uncovered,
        **{str(kind): list(state.examples.get(kind, ())) for kind in Difference},
    }


def lines(state: ContentState) -> Iterator[str]:
    """What a person reads."""
    if state.differences:
        yield "The content of the store is not what the dry run read:"
        yield from (f"  {sentence}" for sentence in state.differences)
        yield from (f"    {kind}  {name}" for kind, names in state.examples.items() for name in names)
        yield "Next: find out who changed it, and put these files back. Nothing that was proven of their images holds."
    else:
        yield "Every file that the dry run read still has the very bytes it had (SHA-256)."
    yield f"Read since {_moment(state.since)}: {state.files:,} files, {state.bytes:,} bytes."
    if state.uncovered:
        files = "1 file" if state.uncovered == 1 else f"{state.uncovered:,} files"
        yield f"Not covered: {files} of the store that the dry run did not read: no image names them, or they could"
        yield "not be read. Of these only names, sizes and times are compared."


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _shown_on(screen: Screen) -> Callable[[int, int], None]:
    from engine.cli.screen import time_left
    from engine.running.headway import Headway
    from engine.running.headway import time_left as seconds_left

    headway: Headway | None = None

    def told(files: int, total: int) -> None:
        nonlocal headway
        if headway is None:
            screen.begin("content", "files")
            headway = Headway(time.monotonic, files)
        rate = headway.rate(files)
        screen.advance(files, total, rate, time_left(*seconds_left(total - files, rate)))

    return told
