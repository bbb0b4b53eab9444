"""source-check: is the source still what it was when it was staged, and has DEXIS 11 gone on since?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.phases.source_content import ContentState
    from engine.source.check import SourceState
    from engine.source.listing import Change

HELP = "Compare the source with what was taken down when it was staged: what changed, and what has come since."
CONTENT_HELP = "Read every file again that the dry run read, and compare its bytes; if stopped, it goes on from there."


def register(app: typer.Typer) -> None:
    app.command("source-check", help=HELP)(source_check)


def source_check(
    context: typer.Context, content: Annotated[bool, typer.Option("--content", help=CONTENT_HELP)] = False
) -> None:
    from engine.cli.source_content import lines, read_again
    from engine.job import Job
    from engine.phases.source_content import forget
    from engine.scratch import keep_scratch_in
    from engine.source.check import source_check as state_of

    options: Options = context.obj
    job = Job.load(options.folder)
    keep_scratch_in(job.folder)
    read = read_again(job, options) if content else None
    state = state_of(job)
    if options.json:
        answer(_document(state, read))
    else:
        typer.echo("\n".join((*_lines(state), *(lines(read) if read else ()))), err=True)
    if read:
        forget(job)
    leave_with(state.is_as_staged and not (read and read.differences))


def _document(state: SourceState, read: ContentState | None) -> dict[str, Any]:
    from engine.cli.source_content import document

    differences = read.differences if read else ()
    return {
        "verb": "source-check",
        "unchanged": state.is_as_staged and not differences,
        "differences": [*differences, *state.changed, *state.arrived],
        "changed": [*differences, *state.changed],
        "late_arrivals": list(state.arrived),
        "files": {change.name.lower(): list(names) for change, names in state.examples.items()},
        **({"content": document(read)} if read else {}),
    }


def _lines(state: SourceState) -> Iterator[str]:
    from engine.source.listing import Change

    if state.is_as_staged:
        yield "Rows, and names, sizes and times of files, are as they were when staged, and nothing has come since."
    if state.changed:
        yield "The source is not what it was when it was staged:"
        yield from _indented(state, state.changed, Change.CHANGED, Change.REMOVED)
        yield "Next: find out who changed it; then stage again. Nothing that was proven before holds."
    if state.arrived:
        yield "DEXIS 11 has gone on since the snapshot; these are late arrivals:"
        yield from _indented(state, state.arrived, Change.ADDED)
        yield "Next: stage a newer backup, then prove, dry-run and convert: only what is new is converted."


def _indented(state: SourceState, sentences: tuple[str, ...], *kinds: Change) -> Iterator[str]:
    yield from (f"  {sentence}" for sentence in sentences)
    yield from (f"    {kind.name.lower()}  {name}" for kind in kinds for name in state.examples[kind])
