"""Files are written one behind the other, in their order, and no failure to write one is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.imaging.integrity import Bytes
from engine.target.writing_behind import WritingBehind


class Disk:
    """Notes what it writes; refuses the paths in `full`."""

    def __init__(self, *full: str) -> None:
        self.written: list[tuple[str, tuple[Bytes, ...]]] = []
        self.full = full

    def write(self, path: Path, pieces: tuple[Bytes, ...]) -> None:
        if path.name in self.full:
            raise OSError("no space")
        self.written.append((path.name, pieces))


def test_everything_is_written_in_order_when_the_block_ends() -> None:
    disk = Disk()
    with WritingBehind(disk.write) as writing:
        for number in range(5):
            writing.give(Path(str(number)), (b"head", bytes([number])))
    assert disk.written == [(str(number), (b"head", bytes([number]))) for number in range(5)]


@pytest.mark.parametrize("full", ["0", "3", "4"])
def test_a_failure_is_raised_and_nothing_is_written_after_it(full: str) -> None:
    disk = Disk(full)
    with pytest.raises(OSError, match="no space"), WritingBehind(disk.write) as writing:
        for number in range(5):
            writing.give(Path(str(number)), (b"",))
    assert [name for name, _ in disk.written] == [str(number) for number in range(int(full))]


def test_a_failure_of_the_caller_is_not_covered_by_one_of_the_disk() -> None:
    with pytest.raises(ValueError, match="unlike the plan"), WritingBehind(Disk("0").write) as writing:
        writing.give(Path("0"), (b"",))
        raise ValueError("unlike the plan")


def test_the_next_file_is_made_while_one_is_written_but_no_third() -> None:
    go_on, second, given = threading.Event(), threading.Event(), list[int]()

    def write(path: Path, pieces: tuple[Bytes, ...]) -> None:
        assert go_on.wait(30)

    def caller() -> None:
        with WritingBehind(write) as writing:
            for number in range(3):
                given.append(number)
                if number == 1:
                    second.set()
                writing.give(Path(str(number)), (b"",))

    thread = threading.Thread(target=caller)
    thread.start()
    assert second.wait(30)
    assert given == [0, 1]
    go_on.set()
    thread.join(30)
    assert given == [0, 1, 2]


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    with WritingBehind(Disk().write) as writing:
        writing.give(Path("0"), (b"",))
    assert threading.active_count() == before
