"""Every way to spoil a target that we could think of: what is done, and a code that must name it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from protocol.vocabulary import FindingCode
from tests.engine.reconcile.practice import PEOPLE, Practice, dex, encoded, md5, shots

_HEADER, _VISUAL_ID, _TIME, _INTEGRITY, _PERSON = 256, 8, 44, 52, 72
_DEX, _PHOTOS = (4989, 4988, 4986), (4987, 4985, 4984)


@dataclass(frozen=True)
class Spoiler:
    """One way to spoil a practice. `spoil` gets a generator to choose where; `codes` must all be reported."""

    name: str
    spoil: Callable[[Practice, Random], None]
    codes: frozenset[FindingCode]


SPOILERS: list[Spoiler] = []


def _spoiler(*codes: FindingCode) -> Callable[[Callable[[Practice, Random], None]], Callable[[Practice, Random], None]]:
    def register(spoil: Callable[[Practice, Random], None]) -> Callable[[Practice, Random], None]:
        SPOILERS.append(Spoiler(spoil.__name__.strip("_").replace("_", " "), spoil, frozenset(codes)))
        return spoil

    return register


def _edit(made: Practice, visual: int, change: Callable[[bytearray], object]) -> None:
    path = made.path(visual)
    data = bytearray(made.target_files[path])
    change(data)
    made.target_files[path] = bytes(data)


def _sealed(data: bytearray) -> bytes:
    """The native file with the hash of what it now holds; returns that hash."""
    content = md5(bytes(data[_HEADER:-4]))
    data[_INTEGRITY : _INTEGRITY + 16] = content
    return content


@_spoiler(FindingCode.PIXELS_DIFFER, FindingCode.INTEGRITY_MISMATCH)
def _one_pixel_bit(made: Practice, random: Random) -> None:
    def flip(data: bytearray) -> None:
        data[random.randrange(_HEADER, len(data) - 4)] ^= 1 << random.randrange(8)

    _edit(made, random.choice(_DEX), flip)


@_spoiler(FindingCode.PIXELS_DIFFER)
def _one_pixel_bit_with_its_hashes_made_to_fit(made: Practice, random: Random) -> None:
    visual = random.choice(_DEX)

    def flip(data: bytearray) -> None:
        data[random.randrange(_HEADER, len(data) - 4)] ^= 1 << random.randrange(8)
        made.row("Image", visual)["SecurityHash"] = _sealed(data)

    _edit(made, visual, flip)


@_spoiler(FindingCode.PIXELS_DIFFER, FindingCode.HEADER_DIFFERS)
def _files_of_two_patients_swapped(made: Practice, random: Random) -> None:
    one, other = made.path(4989), made.path(4986)
    made.target_files[one], made.target_files[other] = made.target_files[other], made.target_files[one]


@_spoiler(FindingCode.LOOKUP_FAILED, FindingCode.FIELD_DIFFERS)
def _images_of_two_patients_swapped_in_the_database(made: Practice, random: Random) -> None:
    one, other = made.row("Visual", 4989), made.row("Visual", 4986)
    one["SeriesID"], other["SeriesID"] = other["SeriesID"], one["SeriesID"]


@_spoiler(FindingCode.PIXELS_DIFFER)
def _identities_of_two_images_swapped(made: Practice, random: Random) -> None:
    one, other = made.row("Image", 4989), made.row("Image", 4988)
    one["UID"], other["UID"] = other["UID"], one["UID"]


@_spoiler(FindingCode.VIEW_DIFFERS)
def _turned_in_the_settings(made: Practice, random: Random) -> None:
    row = made.row("Visual", random.choice(_DEX + _PHOTOS))
    turn, _, rest = row["Settings"].partition("&")
    row["Settings"] = f"Turn={(int(turn[-1]) + random.randrange(1, 4)) % 4}&{rest}"


@_spoiler(FindingCode.VIEW_DIFFERS)
def _mirrored_in_the_settings(made: Practice, random: Random) -> None:
    row = made.row("Visual", random.choice(_DEX + _PHOTOS))
    row["Settings"] = row["Settings"][:-1] + str(1 - int(row["Settings"][-1]))


@_spoiler(FindingCode.VIEW_DIFFERS)
def _settings_that_say_nothing(made: Practice, random: Random) -> None:
    made.row("Visual", random.choice(_DEX))["Settings"] = random.choice(["", "Turn=1", "Turn=9x&Flip=0"])


@_spoiler(FindingCode.PIXELS_DIFFER)
def _pixels_transposed(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.visual == 4989)
    pixels = shot.pixels.T.astype("<u2")
    content = md5(pixels.tobytes())
    turned = dex(shot, shot.visual, "Müller^Anna", pixels.tobytes(), content)
    made.target_files[made.path(4989)] = turned[:12] + struct.pack("<II", *pixels.shape[::-1]) + turned[20:]
    made.row("Image", 4989)["SecurityHash"] = content


@_spoiler(FindingCode.VIEW_DIFFERS, FindingCode.HEADER_DIFFERS)
def _black_and_white_exchanged_in_the_header(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(23, data[23] ^ 1))


@_spoiler(FindingCode.FIELD_DIFFERS)
def _another_tooth(made: Practice, random: Random) -> None:
    made.row("Visual", 4989)["Teeth"] = random.choice(["teeth=206%3B306", "teeth=206", "teeth=306%3B207", None])


@_spoiler(FindingCode.PIXELS_DIFFER)
def _a_file_cut_short(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX + _PHOTOS), lambda data: data.__delitem__(slice(random.randrange(len(data)), None)))


@_spoiler(FindingCode.PIXELS_DIFFER)
def _bytes_after_the_end(made: Practice, random: Random) -> None:
    _edit(made, random.choice((*_DEX, 4987, 4985)), lambda data: data.extend(b"\0" * random.randrange(1, 9)))


@_spoiler(FindingCode.STRAY_FILE)
def _a_stray_file(made: Practice, random: Random) -> None:
    path = random.choice(["Images/00/00/00/00000001.dex", "Images/note.txt", "x", ".bitewing-incoming-1/0/a.dex"])
    made.target_files[path] = random.randbytes(random.randrange(40))


@_spoiler(FindingCode.FILE_MISSING)
def _a_missing_file(made: Practice, random: Random) -> None:
    del made.target_files[made.path(random.choice(_DEX + _PHOTOS))]


@_spoiler(FindingCode.FILE_MISSING, FindingCode.STRAY_FILE)
def _a_file_under_another_key(made: Practice, random: Random) -> None:
    data = made.target_files.pop(made.path(4989))
    made.target_files["Images/00/00/00/00000001.dex"] = data


@_spoiler(FindingCode.FILE_MISSING, FindingCode.STRAY_FILE)
def _a_file_of_another_type(made: Practice, random: Random) -> None:
    path = made.path(4989)
    made.target_files[path.replace(".dex", ".png")] = made.target_files.pop(path)


@_spoiler(FindingCode.INTEGRITY_MISMATCH)
def _an_altered_hash_in_the_row(made: Practice, random: Random) -> None:
    row = made.row("Image", random.choice(_DEX + _PHOTOS))
    row["SecurityHash"] = bytes([row["SecurityHash"][0] ^ 1]) + row["SecurityHash"][1:]


@_spoiler(FindingCode.INTEGRITY_MISMATCH)
def _an_altered_hash_in_the_header(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(_INTEGRITY, data[_INTEGRITY] ^ 1))


@_spoiler(FindingCode.FIELD_DIFFERS)
def _a_birth_date_off_by_a_day(made: Practice, random: Random) -> None:
    row = made.row("Patient", random.choice([900, 901, 902]))
    row["DateOfBirth"] += timedelta(days=random.choice([-1, 1]))


@_spoiler(FindingCode.FIELD_DIFFERS)
def _a_time_off_by_a_second(made: Practice, random: Random) -> None:
    table, key, column = random.choice(
        [("Image", 4989, "AcquiredDate"), ("Study", 950, "CreatedDate"), ("ActivityLog", 4988, "EventDateTime")]
    )
    made.row(table, key)[column] += timedelta(seconds=random.choice([-1, 1]))


@_spoiler(FindingCode.FIELD_DIFFERS)
def _a_time_out_of_nowhere(made: Practice, random: Random) -> None:
    made.row("Image", 4986)["AcquiredDate"] = made.row("Image", 4989)["AcquiredDate"]


@_spoiler(FindingCode.HEADER_DIFFERS)
def _a_header_time_off_by_a_microsecond(made: Practice, random: Random) -> None:
    def shift(data: bytearray) -> None:
        (ticks,) = struct.unpack_from("<Q", data, _TIME)
        struct.pack_into("<Q", data, _TIME, ticks + 10)

    _edit(made, random.choice((4989, 4988)), shift)


@_spoiler(FindingCode.FIELD_DIFFERS)
def _look_alike_letters_in_a_name(made: Practice, random: Random) -> None:
    made.row("PersonName", 901)["FamilyName"] = random.choice(["Ивaнов", "Иванoв", "Иванов "])


@_spoiler(FindingCode.FIELD_DIFFERS)
def _a_letter_written_in_two_parts(made: Practice, random: Random) -> None:
    made.row("PersonName", 900)["FamilyName"] = "Mu\u0308ller"


@_spoiler(FindingCode.FIELD_DIFFERS)
def _a_chart_number_without_its_zeros(made: Practice, random: Random) -> None:
    made.row("Patient", 900)["ExternalID"] = random.choice(["123", "00123", "0000123", None, ""])


@_spoiler(FindingCode.FIELD_DIFFERS)
def _chart_numbers_of_two_patients_swapped(made: Practice, random: Random) -> None:
    one, other = made.row("Patient", 900), made.row("Patient", 901)
    one["ExternalID"], other["ExternalID"] = other["ExternalID"], one["ExternalID"]


@_spoiler(FindingCode.FIELD_DIFFERS)
def _a_bare_patient_of_another_sex_or_middle_name(made: Practice, random: Random) -> None:
    if random.random() < 0.5:
        made.row("Patient", 902)["Sex"] = "M"
    else:
        made.row("PersonName", 902)["MiddleName"] = "X"


@_spoiler(FindingCode.HEADER_DIFFERS)
def _a_header_with_the_name_of_another_patient(made: Practice, random: Random) -> None:
    name = f"{PEOPLE[1]['family_name']}^{PEOPLE[1]['given_name']}"

    def rename(data: bytearray) -> None:
        data[_PERSON : _PERSON + 132] = (b"\0" + name.encode()).ljust(132, b"\0")

    _edit(made, 4989, rename)


@_spoiler(FindingCode.HEADER_DIFFERS)
def _a_header_with_another_key(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(_VISUAL_ID, data[_VISUAL_ID] ^ 1))


@_spoiler(FindingCode.HEADER_DIFFERS)
def _something_hidden_behind_a_name_or_in_spare_bytes(made: Practice, random: Random) -> None:
    place = random.choice([_PERSON + 100, _PERSON, 220])
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(place, 65))


@_spoiler(FindingCode.PIXELS_DIFFER)
def _a_jpeg_encoded_again(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.file.endswith(".jpg"))
    made.target_files[made.path(shot.visual)] = encoded(shot.pixels, "JPEG")
    assert made.target_files[made.path(shot.visual)] != shot.data


@_spoiler(FindingCode.PIXELS_DIFFER, FindingCode.INTEGRITY_MISMATCH)
def _a_jpeg_with_a_comment_added(made: Practice, random: Random) -> None:
    _edit(made, 4987, lambda data: data.__setitem__(slice(2, 2), b"\xff\xfe\0\6note"))


@_spoiler(FindingCode.PIXELS_DIFFER)
def _a_png_that_is_not_the_same_file_any_more(made: Practice, random: Random) -> None:
    _edit(made, 4985, lambda data: data.extend(b"\0"))


@_spoiler(FindingCode.PIXELS_DIFFER)
def _a_photo_with_one_step_of_one_channel(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.visual == 4984)
    pixels = shot.pixels.copy()
    pixels[random.randrange(8), random.randrange(11), random.randrange(3)] ^= 1
    made.target_files[made.path(4984)] = encoded(pixels, "PNG")


@_spoiler(FindingCode.HEADER_DIFFERS, FindingCode.PIXELS_DIFFER)
def _a_photo_in_another_format(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.visual == 4984)
    made.target_files[made.path(4984)] = encoded(shot.pixels, "BMP")


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
