"""The main job from end to end, as a person starts it: real processes, real sockets, real pixels."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.world import recorded
from tests.demo.demo_process import Ended, event_numbers, processes_of, run
from tests.simulators.postgresql import folder_for_a_server
from tests.suites.canaries import met
from tests.suites.equal_pixels import server_of

pytestmark = pytest.mark.e2e
_SCRIPT = Path(__file__).parents[1] / "suites" / "equal_pixels.py"


CLEAN = ("egress.jsonl", "agent.log", "engine.log", "status.json", "ledger.jsonl", "outbox.sqlite", "agent.json")
"""Files of the job folder that hold what left, what may leave, or what people send when they ask for help."""


def _planted(folder: Path) -> list[str]:
    planted: list[str] = json.loads((folder / "people.json").read_text())
    return planted


def _leaks(folder: Path, ended: Ended) -> dict[str, list[str]]:
    """Where a planted value stands that must stand in no such place: everything of the firm's, and all that is said."""
    firm = [path for path in (folder / "firm").rglob("*") if path.is_file()]
    said = {str(path): path.read_bytes() for path in (*(folder / name for name in CLEAN), *firm)}
    said["the screen"] = (ended.out + ended.err).encode()
    return {place: found for place, text in said.items() if (found := met(_planted(folder), text))}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def finished(request: pytest.FixtureRequest) -> Iterator[tuple[Path, Ended]]:
    with folder_for_a_server() as folder:
        yield folder, run(folder, "--patients", "3", "--database", request.param)


def test_the_demo_ends_exact_with_one_object(finished: tuple[Path, Ended]) -> None:
    folder, ended = finished
    assert ended.code == 0, ended.err
    found = ended.document
    assert found["exact"] is True
    assert set(found["gates"].values()) == {"open"}
    assert (found["patients"], found["images"], found["folder"]) == (3, 22, str(folder))
    assert set(found["seconds"]) == {"dry_run", "convert", "reconcile"}


def test_the_three_digests_are_equal(finished: tuple[Path, Ended]) -> None:
    digests = finished[1].document["digests"]
    assert set(digests) == {"source", "database", "disk"}
    assert len(set(digests.values())) == 1


def test_every_pixel_is_equal_for_a_script_that_shares_no_code_with_the_engine(finished: tuple[Path, Ended]) -> None:
    checked = subprocess.run([sys.executable, _SCRIPT, finished[0]], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["equal"] == 22


@pytest.mark.canary
def test_no_planted_value_is_in_what_left_the_practice_or_reached_the_firm(finished: tuple[Path, Ended]) -> None:
    folder, ended = finished
    assert len(_planted(folder)) > 300
    assert _leaks(folder, ended) == {}


@pytest.mark.canary
def test_the_search_for_planted_values_finds_them_where_they_belong(finished: tuple[Path, Ended]) -> None:
    folder = finished[0]
    assert len(met(_planted(folder), (folder / "plan.sqlite").read_bytes())) > 100


def test_the_egress_log_is_readable_and_its_frames_are_what_was_counted(finished: tuple[Path, Ended]) -> None:
    folder, ended = finished
    lines = (folder / "egress.jsonl").read_bytes().splitlines()
    assert all(json.loads(line)["frame"]["type"] for line in lines)
    frames = [line[line.index(b'"frame":') + 8 : line.index(b',"prev":')] for line in lines]
    assert sum(map(len, frames)) == ended.document["bytes_out"]


def test_the_hub_holds_every_event_once(finished: tuple[Path, Ended]) -> None:
    numbers = event_numbers(finished[0])
    assert numbers == list(range(1, len(numbers) + 1)) != []


def test_no_process_is_left(finished: tuple[Path, Ended]) -> None:
    assert list(processes_of(finished[0])) == []


def test_started_again_it_finds_everything_done(finished: tuple[Path, Ended]) -> None:
    folder, ended = finished
    ledger = (folder / "ledger.jsonl").read_bytes()
    again = run(folder)
    assert again.code == 0, again.err
    assert again.document["digests"] == ended.document["digests"]
    assert (folder / "ledger.jsonl").read_bytes() == ledger


def test_a_bit_changed_in_the_target_is_said_and_repaired_the_demo_goes_on_to_exact(
    finished: tuple[Path, Ended],
) -> None:
    folder, ended = finished
    file = next((folder / "practice" / "dexis10" / "Images").rglob("*.dex"))
    whole = file.read_bytes()
    file.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    with server_of(folder):
        reconcile = [sys.executable, "-m", "engine.cli.main", "--job", folder, "--json", "reconcile"]
        said = subprocess.run(reconcile, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert {"PIXELS_DIFFER", "INTEGRITY_MISMATCH"} <= set(json.loads(said.stdout)["findings"])
    assert subprocess.run([sys.executable, _SCRIPT, folder], capture_output=True, check=False).returncode == 1
    told = run(folder)
    assert told.code == 1
    assert (told.document["exact"], told.document["gates"]["RECONCILED"]) == (False, "closed")
    assert _leaks(folder, told) == {}
    file.write_bytes(whole)
    again = run(folder)
    assert again.code == 0, again.err
    assert again.document["digests"] == ended.document["digests"]


def test_other_options_for_the_same_folder_are_refused(finished: tuple[Path, Ended]) -> None:
    folder, _ = finished
    refused = run(folder, "--patients", "4")
    assert refused.code == 2
    assert "another folder" in refused.document["next"]
    assert recorded(folder)["patients"] == 3


@pytest.mark.parametrize("name", ["taken", "damaged"])
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "demo.json").write_text("{")
    refused = run(tmp_path / name, "--patients", "1")
    assert refused.code == 2
    assert name in refused.document["where"] and refused.document["next"]


def test_two_demos_in_one_folder_are_refused(tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "demo.lock"):
        refused = run(tmp_path, "--patients", "1")
    assert refused.code == 3
    assert refused.document["outcome"] == "refused"
