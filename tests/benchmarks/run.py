"""make bench: the demo practice end to end, beside its floor. Prints a table and writes build/bench.json."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.floor import copy_and_hash
from tests.benchmarks.memory import EnginePeak

PATIENTS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. `floor` and `ratio` are None where nothing simpler does the same."""

    name: str
    value: float
    unit: str
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bitewing-bench-") as folder:
        result, peak_mib = _demo(Path(folder) / "job")
        sources = sorted(p for p in (Path(folder) / "job/practice/dexis11/data").rglob("*") if p.is_file())
        floor = len(sources) / copy_and_hash(sources, Path(folder) / "floor") * 3600
        rows = _rows(result, floor, peak_mib)
    _publish(rows)


def _demo(job: Path) -> tuple[dict[str, Any], float]:
    """The demo's own result, and the engine's peak memory in MiB."""
    command = [sys.executable, "-m", "demo.cli", "--json", "--keep", str(job), "--patients", str(PATIENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo, EnginePeak(demo.pid) as peak:
        said, _ = demo.communicate()
    if demo.returncode:
        raise SystemExit(f"the demo ended with {demo.returncode}: {said.decode()}")
    return json.loads(said), peak.mib


def _rows(result: dict[str, Any], floor: float, peak_mib: float) -> list[Row]:
    images, seconds = result["images"], result["seconds"]
    return [
        Row("dry run", images / seconds["dry_run"] * 3600, "images/h", floor),
        Row("conversion", images / seconds["convert"] * 3600, "images/h", floor),
        Row("reconciliation of every pixel", images / seconds["reconcile"] * 3600, "images/h", floor),
        Row("engine and its workers, peak", peak_mib, "MiB"),
        Row("bytes that left, per image", result["bytes_out"] / images, "bytes"),
    ]


def _publish(rows: list[Row]) -> None:
    for row in rows:
        beside = f"  floor {row.floor:>12,.0f}  ratio {row.ratio:.2f}" if row.floor and row.ratio else ""
        sys.stdout.write(f"{row.name:<32} {row.value:>12,.0f} {row.unit:<9}{beside}\n")
    build = Path("build")
    build.mkdir(exist_ok=True)
    (build / "bench.json").write_text(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=2))


if __name__ == "__main__":
    main()
