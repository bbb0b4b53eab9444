"""What the demo says at its end: one object for programs, a few lines for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.egress import verify
from demo.view import Standing, View
from protocol.vocabulary import Gate

_FOR_PEOPLE = ("accepted", "blocked")
_TIMED = {"dry_run": Gate.DRY_RUN, "convert": Gate.CONVERTED, "reconcile": Gate.RECONCILED}


@dataclass(frozen=True, slots=True)
class Result:
    """The result; every number is the hub's, but `bytes_out`, which the practice counted itself.

    For people only: `accepted` names what the source itself lacks, `blocked` says why a gate is not open.
    """

    patients: int
    images: int
    gates: dict[str, str]
    exact: bool
    digests: dict[str, str] | None
    bytes_out: int
    seconds: dict[str, float | None]
    folder: str | None
    accepted: tuple[str, ...]
    blocked: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The one object of `--json`."""
        return {name: getattr(self, name) for name in self.__slots__ if name not in _FOR_PEOPLE}

    def text(self) -> str:
        """The summary for people."""
        what = f"{self.patients:,} patients and {self.images:,} images"
        lines = [f"Exact: {what} are in the modelled DEXIS 10." if self.exact else f"NOT exact: {what} looked at."]
        if self.accepted:
            lines.append(f"  declared and accepted: {', '.join(self.accepted)}")
        for name, digest in (self.digests or {}).items():
            lines.append(f"  {name:<9} {digest}")
        if self.digests:
            same = len(set(self.digests.values())) == 1
            lines.append(f"  compared by the console: {'all three are equal' if same else 'NOT equal'}")
        lines += [f"  {sentence}" for sentence in self.blocked]
        lines.append("Gates: " + ", ".join(f"{gate} {state}" for gate, state in self.gates.items()))
        spent = [f"{name.replace('_', ' ')} {value:.0f} s" for name, value in self.seconds.items() if value is not None]
        if spent:
            lines.append("Time: " + ", ".join(spent))
        lines.append(f"{self.bytes_out:,} bytes left the practice; each frame is in egress.jsonl.")
        lines.append(f"Everything is in {self.folder}" if self.folder else "The demo's folder is removed (see --keep).")
        return "\n".join(lines)


def result_of(view: View, folder: Path, now: int, *, kept: bool) -> Result:
    """The result by the console's own judgement of the newest evidence in `view`."""
    reconciled = view.evidence(Gate.RECONCILED)
    judgements = view.judgements(now)
    digests = reconciled.digests if reconciled else None
    evidences = {name: view.evidence(gate) for name, gate in _TIMED.items()}
    return Result(
        patients=reconciled.totals.patients if reconciled else 0,
        images=reconciled.totals.images if reconciled else 0,
        gates={str(gate): str(one.state) for gate, one in judgements.items()},
        exact=view.standing(now) is Standing.COMPLETE and judgements[Gate.RECONCILED].digests_equal is True,
        digests={"source": digests.source, "database": digests.database, "disk": digests.disk} if digests else None,
        bytes_out=verify(folder / "egress.jsonl").bytes_out,
        seconds={name: evidence.seconds if evidence else None for name, evidence in evidences.items()},
        folder=str(folder) if kept else None,
        accepted=tuple(f"{found.code} {found.count:,}" for found in (reconciled.totals.findings if reconciled else ())),
        blocked=tuple(f"{gate}: {one.blocked}" for gate, one in judgements.items() if one.blocked),
    )
