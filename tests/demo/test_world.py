"""What stands on disk is what the blueprint says, and what people.json lists."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tomllib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from demo.blueprint import Medium, Study
from demo.draw import draw
from demo.people import make_people
from demo.radiographs import Radiograph
from demo.world import World, build
from protocol.errors import UsageProblem


def _kept(world: World) -> list[tuple[Study, Medium]]:
    media = draw(world.patients, seed=world.seed).media
    return [(study, medium) for _, study, _, medium in media if medium.picture and medium.fate == "kept"]


def _decoded(path: Path) -> np.ndarray:
    data = path.read_bytes()
    is_dicom = data[128:132] == b"DICM"
    return pydicom.dcmread(io.BytesIO(data)).pixel_array if is_dicom else np.asarray(Image.open(io.BytesIO(data)))


def _shown(pixels: np.ndarray, rotation: int, mirrored: bool) -> np.ndarray:
    turned = pixels if not rotation else np.rot90(pixels, -(rotation // 90))
    return turned[:, ::-1] if mirrored else turned


def _everything(folder: Path) -> dict[str, str]:
    """The content of every file; of databases, their rows."""
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _content(path: Path) -> str:
    if path.suffix == ".sqlite":
        with sqlite3.connect(path) as connection:
            return "\n".join(connection.iterdump())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_radiograph_decodes_to_the_pixels_that_were_drawn(world: World, source_store: Path) -> None:
    encodings = set()
    for study, medium in _kept(world):
        if isinstance(medium.picture, Radiograph) and medium.encoding not in encodings:
            encodings.add(medium.encoding)
            assert np.array_equal(_decoded(source_store / study.uid / medium.file), medium.picture.pixels())
    assert encodings == {"explicit", "implicit", "jpeg-lossless", "jpeg-ls", "jpeg-2000"}


def test_every_orientation_shows_the_picture_upright() -> None:
    upright = Radiograph("RG1", 1344, 1850, 12, "MONOCHROME2", 0, False, 0).pixels()
    sideways = Radiograph("RG1", 1850, 1344, 12, "MONOCHROME2", 0, False, 0).pixels()
    inner = (slice(40, -40), slice(40, -40))  # the stamp is not part of the picture
    for rotation in (0, 90, 180, 270):
        for mirrored in (False, True):
            stored = Radiograph("RG1", 1344, 1850, 12, "MONOCHROME2", rotation, mirrored, 0).pixels()
            wanted = sideways if rotation % 180 else upright
            assert np.array_equal(_shown(stored, rotation, mirrored)[inner], wanted[inner])


def test_no_two_images_have_equal_pixels(world: World, source_store: Path) -> None:
    digests = [hashlib.sha256(_decoded(source_store / s.uid / m.file).tobytes()).digest() for s, m in _kept(world)]
    assert len(set(digests)) == len(digests) > 40


def test_missing_and_empty_files_are_missing_and_empty(world: World, source_store: Path) -> None:
    media = [(s, m) for _, s, _, m in draw(world.patients, seed=world.seed).media]
    sizes = {m.fate: source_store / s.uid / m.file for s, m in media if m.fate != "kept"}
    assert not sizes["missing"].exists()
    assert sizes["empty"].stat().st_size == 0


def test_the_backup_holds_what_production_holds(world: World) -> None:
    practice = world.folder / "practice"
    assert _content(practice / "dexis11" / "core.sqlite") == _content(practice / "backup" / "core.sqlite")


def test_the_same_seed_gives_the_same_practice_byte_for_byte(tmp_path: Path) -> None:
    first, second = (build(tmp_path / name, patients=1).folder / "practice" for name in ("one", "two"))
    assert _everything(first) == _everything(second)


def test_a_finished_practice_is_found_and_not_made_again(world: World) -> None:
    before = world.job_toml.stat().st_mtime_ns
    assert build(world.folder, patients=world.patients) == world
    assert world.job_toml.stat().st_mtime_ns == before


def test_a_practice_of_other_values_is_refused(world: World) -> None:
    with pytest.raises(UsageProblem, match="another folder"):
        build(world.folder, patients=world.patients + 1)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "practice" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("do not lose this")
    with pytest.raises(UsageProblem, match="something else"):
        build(tmp_path, patients=1)
    assert mine.read_text() == "do not lose this"


def test_an_interrupted_build_starts_again(tmp_path: Path) -> None:
    build(tmp_path, patients=1)
    (tmp_path / "job.toml").unlink()
    (tmp_path / "practice.building" / "dexis11").mkdir(parents=True)
    (tmp_path / "practice" / "backup" / "core.sqlite").unlink()
    world = build(tmp_path, patients=1)
    assert (tmp_path / "practice" / "backup" / "core.sqlite").exists()
    assert not (tmp_path / "practice.building").exists()
    assert world.people_json.exists()


def test_the_job_names_places_that_are_there(world: World) -> None:
    job = tomllib.loads(world.job_toml.read_text())
    places = [
        job["source"]["snapshot"]["path"],
        *job["source"]["store"],
        job["target"]["store"],
        job["samples"]["store"],
    ]
    assert all(Path(place).exists() for place in places)
    assert job["source"]["staging"] != job["source"]["production"]


def test_people_json_lists_every_identifying_value_in_the_database(world: World) -> None:
    listed = set(json.loads(world.people_json.read_text()))
    with sqlite3.connect(world.folder / "practice" / "dexis11" / "core.sqlite") as connection:
        planted = {
            str(value)
            for column, table in (
                ("family_name", "patient"), ("given_name", "patient"), ("middle_name", "patient"),
                ("practice_pms_id", "patient"), ("dob", "patient"), ("serial_number", "device"),
                ("study_instance_uid", "study"), ("series_instance_uid", "series"), ("sop_instance_uid", "media"),
                ("file_name", "media"), ("study_date_time", "study"), ("acquisition_date_time", "media"),
            )
            for (value,) in connection.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        }  # fmt: skip
    assert planted - listed == set()
    with sqlite3.connect(world.folder / "practice" / "samples" / "DEXIS.sqlite") as connection:
        query = "SELECT FamilyName FROM PersonName UNION SELECT ExternalID FROM Patient WHERE ExternalID IS NOT NULL"
        assert {value for (value,) in connection.execute(query)} - listed == set()


def test_people_json_lists_every_file_name_and_path(world: World, source_store: Path) -> None:
    listed = set(json.loads(world.people_json.read_text()))
    paths = [path.relative_to(source_store) for path in source_store.rglob("*") if path.is_file()]
    assert {value for path in paths for value in (path.name, str(path))} - listed == set()


def test_no_planted_name_can_be_met_by_chance_in_the_words_of_the_wire() -> None:
    names = {name for person in make_people(400, seed=3) for name in person.names}
    assert all(not name.isascii() or len(name) >= 5 for name in names)
    assert not {"image", "source", "patient", "approve"} & {name.casefold() for name in names}
