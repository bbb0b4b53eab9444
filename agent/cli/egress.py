"""egress: every frame that left, exactly as it left."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from agent.cli.moments import utc_text
from agent.cli.options import Options
from commandline.outcome import answer, say


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("egress", help="Everything that left this practice, frame by frame.")(egress)


def egress(
    context: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no line was changed, moved, removed or cut off.")
    ] = False,
) -> None:
    """Show the egress log, or verify its chain."""
    options: Options = context.obj
    if verify:
        _verify(options)
    else:
        _show(options)


def _verify(options: Options) -> None:
    from agent import egress as log
    from agent.egress_head import read_marks
    from agent.home import Home

    home = Home(options.folder)
    found, compared = log.verify_whole(home.egress, lambda: read_marks(home.outbox))
    if options.json:
        answer(
            {
                "intact": True,
                "frames": found.frames,
                "bytes": found.bytes_out,
                "head": found.head,
                "end_known": compared,
            }
        )
    else:
        say(f"Intact: {found.frames:,} frames, {found.bytes_out:,} bytes left this practice.\nHead {found.head}")
        if not compared and found.frames:
            say(
                "Nothing remembers how far the log went: outbox.sqlite was moved away or is new. Its end is not proven."
            )


def _show(options: Options) -> None:
    from agent import egress as log
    from agent.home import Home

    home = Home(options.folder)
    if not options.json and not home.egress.exists():
        say("Nothing has left this practice: there is no egress.jsonl in this folder yet.")
    for line in log.lines(home.egress):
        frame = json.loads(bytes(line.frame))
        if options.json:
            answer({"at": line.at, "frame": frame, "hash": line.hash})
        else:
            say(f"{utc_text(line.at)}  {_summary(frame)}\n{json.dumps(frame, indent=2)}")


def _summary(frame: Any) -> str:
    """A frame in a few words: its type, and of an event its sequence number and what it tells."""
    if not isinstance(frame, dict):
        return "no message"
    words = [str(frame.get("type", "no type"))]
    if "seq" in frame:
        words.append(str(frame["seq"]))
    body = frame.get("body")
    if isinstance(body, dict) and "type" in body:
        words.append(str(body["type"]))
    return " ".join(words)
