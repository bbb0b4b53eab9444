"""Every way to spoil a row of the target that we could think of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from protocol.vocabulary import FindingCode
from tests.engine.reconcile.practice import Practice
from tests.engine.reconcile.spoiler import SPOILERS, Spoiler, spoiler

_DEX, _PHOTOS = (4989, 4988, 4986), (4987, 4985, 4984)


@spoiler(FindingCode.LOOKUP_FAILED, FindingCode.FIELD_DIFFERS)
def _images_of_two_patients_swapped_in_the_database(made: Practice, random: Random) -> None:
    one, other = made.row("Visual", 4989), made.row("Visual", 4986)
    one["SeriesID"], other["SeriesID"] = other["SeriesID"], one["SeriesID"]


@spoiler(FindingCode.PIXELS_DIFFER)
def _identities_of_two_images_swapped(made: Practice, random: Random) -> None:
    one, other = made.row("Image", 4989), made.row("Image", 4988)
    one["UID"], other["UID"] = other["UID"], one["UID"]


@spoiler(FindingCode.VIEW_DIFFERS)
def _turned_in_the_settings(made: Practice, random: Random) -> None:
    row = made.row("Visual", random.choice(_DEX + _PHOTOS))
    turn, _, rest = row["Settings"].partition("&")
    row["Settings"] = f"Turn={(int(turn[-1]) + random.randrange(1, 4)) % 4}&{rest}"


@spoiler(FindingCode.VIEW_DIFFERS)
def _mirrored_in_the_settings(made: Practice, random: Random) -> None:
    row = made.row("Visual", random.choice(_DEX + _PHOTOS))
    row["Settings"] = row["Settings"][:-1] + str(1 - int(row["Settings"][-1]))


@spoiler(FindingCode.VIEW_DIFFERS)
def _settings_that_say_nothing(made: Practice, random: Random) -> None:
    made.row("Visual", random.choice(_DEX))["Settings"] = random.choice(["", "Turn=1", "Turn=9x&Flip=0"])


@spoiler(FindingCode.FIELD_DIFFERS)
def _another_tooth(made: Practice, random: Random) -> None:
    made.row("Visual", 4989)["Teeth"] = random.choice(["teeth=206%3B306", "teeth=206", "teeth=306%3B207", None])


@spoiler(FindingCode.FIELD_DIFFERS)
def _a_birth_date_off_by_a_day(made: Practice, random: Random) -> None:
    row = made.row("Patient", random.choice([900, 901, 902]))
    row["DateOfBirth"] += timedelta(days=random.choice([-1, 1]))


@spoiler(FindingCode.FIELD_DIFFERS)
def _a_time_off_by_a_second(made: Practice, random: Random) -> None:
    table, key, column = random.choice(
        [("Image", 4989, "AcquiredDate"), ("Study", 950, "CreatedDate"), ("ActivityLog", 4988, "EventDateTime")]
    )
    made.row(table, key)[column] += timedelta(seconds=random.choice([-1, 1]))


@spoiler(FindingCode.FIELD_DIFFERS)
def _a_time_out_of_nowhere(made: Practice, random: Random) -> None:
    made.row("Image", 4986)["AcquiredDate"] = made.row("Image", 4989)["AcquiredDate"]


@spoiler(FindingCode.FIELD_DIFFERS)
def _look_alike_letters_in_a_name(made: Practice, random: Random) -> None:
    made.row("PersonName", 901)["FamilyName"] = random.choice(["Ивaнов", "Иванoв", "Иванов "])


@spoiler(FindingCode.FIELD_DIFFERS)
def _a_letter_written_in_two_parts(made: Practice, random: Random) -> None:
    made.row("PersonName", 900)["FamilyName"] = "Mu\u0308ller"


@spoiler(FindingCode.FIELD_DIFFERS)
def _a_chart_number_without_its_zeros(made: Practice, random: Random) -> None:
    made.row("Patient", 900)["ExternalID"] = random.choice(["123", "00123", "0000123", None, ""])


@spoiler(FindingCode.FIELD_DIFFERS)
def _chart_numbers_of_two_patients_swapped(made: Practice, random: Random) -> None:
    one, other = made.row("Patient", 900), made.row("Patient", 901)
    one["ExternalID"], other["ExternalID"] = other["ExternalID"], one["ExternalID"]


@spoiler(FindingCode.FIELD_DIFFERS)
def _a_bare_patient_of_another_sex_or_middle_name(made: Practice, random: Random) -> None:
    if random.random() < 0.5:
        made.row("Patient", 902)["Sex"] = "M"
    else:
        made.row("PersonName", 902)["MiddleName"] = "X"


def _missing(table: str, key: int, code: FindingCode) -> Spoiler:
    return Spoiler(f"a {table} row missing ({key})", lambda made, random: made.remove(table, key), frozenset({code}))


def _extra(table: str, key: int, new: int | None) -> Spoiler:
    def add(made: Practice, random: Random) -> None:
        row = dict(made.row(table, key))
        if new is not None:
            row[next(iter(row))] = new
        made.target[table].append(row)

    return Spoiler(f"an extra {table} row ({new or 'doubled'})", add, frozenset({FindingCode.ROW_EXTRA}))


def _wrong(table: str, key: int, column: str, value: object) -> Spoiler:
    def change(made: Practice, random: Random) -> None:
        assert made.row(table, key)[column] != value
        made.row(table, key)[column] = value

    return Spoiler(f"another {table}.{column}", change, frozenset({FindingCode.FIELD_DIFFERS}))


def _rows() -> Iterator[Spoiler]:
    firsts = {"Person": 900, "PersonName": 900, "Patient": 900, "Study": 950, "Series": 970, "Visual": 4989}
    for table, key in {**firsts, "Image": 4989, "ActivityLog": 4989}.items():
        yield _missing(table, key, FindingCode.ROW_MISSING)
        yield _extra(table, key, 7777)
        yield _extra(table, key, None)
    for table in ("Person", "PersonName", "Patient"):
        yield _missing(table, 902, FindingCode.ROW_MISSING)
    yield _missing("Study", 952, FindingCode.ROW_MISSING)
    for table, key, column, value in (
        ("PersonName", 900, "GivenName", "Anne"),
        ("PersonName", 900, "MiddleName", None),
        ("Patient", 901, "Sex", "O"),
        ("Patient", 900, "DateOfBirth", date(1961, 2, 3)),
        ("Study", 950, "Name", "Recal"),
        ("Study", 952, "Name", "Named"),
        ("Series", 970, "Name", "Bitewings"),
        ("Series", 971, "Name", "Default Series"),
        ("Series", 971, "StudyRecordID", 950),
        ("Visual", 4989, "ImageCategory", 1),
        ("Visual", 4989, "ImageCategory", 99),
        ("Image", 4986, "ImageNum", 15),
        ("Image", 4986, "DeviceMake", "Dexís"),
        ("Image", 4986, "DeviceModel", None),
        ("Image", 4986, "DeviceSerial", "7"),
        ("ActivityLog", 4989, "Filename", "Images/00/00/00/00000001.dex"),
    ):
        yield _wrong(table, key, column, value)


def _whole_patient_missing(made: Practice, random: Random) -> None:
    for table in ("Person", "PersonName", "Patient"):
        made.remove(table, 902)


def _whole_patient_extra(made: Practice, random: Random) -> None:
    for table in ("Person", "PersonName", "Patient"):
        made.target[table].append({**made.row(table, 902), "PersonID": 7777})


def _whole_image_missing(made: Practice, random: Random) -> None:
    visual = random.choice(_DEX + _PHOTOS)
    del made.target_files[made.path(visual)]
    for table in ("Visual", "Image", "ActivityLog"):
        made.remove(table, visual)


def _deleted_image_brought_back(made: Practice, random: Random) -> None:
    for table in ("Visual", "Image", "ActivityLog"):
        row = dict(made.row(table, 4989))
        row[next(iter(row))] = 7777
        made.target[table].append({**row, **({"UID": "1.2.826.25"} if table == "Image" else {})})


def _bare_study_moved(made: Practice, random: Random) -> None:
    made.row("Study", 952)["PatientID"] = 901


def _patient_marked_as_removed(made: Practice, random: Random) -> None:
    made.row("Person", random.choice([900, 901, 902]))["Removed"] = 1


SPOILERS += [
    *_rows(),
    Spoiler("a whole patient missing", _whole_patient_missing, frozenset({FindingCode.PATIENT_MISSING})),
    Spoiler("a whole patient too many", _whole_patient_extra, frozenset({FindingCode.PATIENT_EXTRA})),
    Spoiler("a whole image missing", _whole_image_missing, frozenset({FindingCode.ROW_MISSING})),
    Spoiler("a study moved", _bare_study_moved, frozenset({FindingCode.ROW_MISSING, FindingCode.ROW_EXTRA})),
    Spoiler("a patient marked as removed", _patient_marked_as_removed, frozenset({FindingCode.PATIENT_MISSING})),
    Spoiler("a deleted image brought back", _deleted_image_brought_back, frozenset({FindingCode.ROW_EXTRA})),
]
