"""Every way to spoil a file of the target that we could think of."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from protocol.vocabulary import FindingCode
from tests.engine.reconcile.practice import PEOPLE, Practice
from tests.engine.reconcile.shots import dex, encoded, md5, shots
from tests.engine.reconcile.spoiler import spoiler

_HEADER, _VISUAL_ID, _TIME, _INTEGRITY, _PERSON = 256, 8, 40, 48, 68
_DEX, _PHOTOS = (4989, 4988, 4986), (4987, 4985, 4984)


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


@spoiler(FindingCode.PIXELS_DIFFER, FindingCode.INTEGRITY_MISMATCH)
def _one_pixel_bit(made: Practice, random: Random) -> None:
    def flip(data: bytearray) -> None:
        data[random.randrange(_HEADER, len(data) - 4)] ^= 1 << random.randrange(8)

    _edit(made, random.choice(_DEX), flip)


@spoiler(FindingCode.PIXELS_DIFFER)
def _one_pixel_bit_with_its_hashes_made_to_fit(made: Practice, random: Random) -> None:
    visual = random.choice(_DEX)

    def flip(data: bytearray) -> None:
        data[random.randrange(_HEADER, len(data) - 4)] ^= 1 << random.randrange(8)
        made.row("Image", visual)["SecurityHash"] = _sealed(data)

    _edit(made, visual, flip)


@spoiler(FindingCode.PIXELS_DIFFER, FindingCode.HEADER_DIFFERS)
def _files_of_two_patients_swapped(made: Practice, random: Random) -> None:
    one, other = made.path(4989), made.path(4986)
    made.target_files[one], made.target_files[other] = made.target_files[other], made.target_files[one]


@spoiler(FindingCode.PIXELS_DIFFER)
def _pixels_transposed(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.visual == 4989)
    pixels = shot.pixels.T.astype("<u2")
    content = md5(pixels.tobytes())
    turned = dex(shot, shot.visual, "Müller^Anna", pixels.tobytes(), content)
    made.target_files[made.path(4989)] = turned[:12] + struct.pack("<II", *pixels.shape[::-1]) + turned[20:]
    made.row("Image", 4989)["SecurityHash"] = content


@spoiler(FindingCode.VIEW_DIFFERS, FindingCode.HEADER_DIFFERS)
def _black_and_white_exchanged_in_the_header(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(23, data[23] ^ 1))


@spoiler(FindingCode.PIXELS_DIFFER)
def _a_file_cut_short(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX + _PHOTOS), lambda data: data.__delitem__(slice(random.randrange(len(data)), None)))


@spoiler(FindingCode.PIXELS_DIFFER)
def _bytes_after_the_end(made: Practice, random: Random) -> None:
    _edit(made, random.choice((*_DEX, 4987, 4985)), lambda data: data.extend(b"\0" * random.randrange(1, 9)))


@spoiler(FindingCode.STRAY_FILE)
def _a_stray_file(made: Practice, random: Random) -> None:
    path = random.choice(["Images/00/00/00/00000001.dex", "Images/note.txt", "x", ".bitewing-incoming-1/0/a.dex"])
    made.target_files[path] = random.randbytes(random.randrange(40))


@spoiler(FindingCode.FILE_MISSING)
def _a_missing_file(made: Practice, random: Random) -> None:
    del made.target_files[made.path(random.choice(_DEX + _PHOTOS))]


@spoiler(FindingCode.FILE_MISSING, FindingCode.STRAY_FILE)
def _a_file_under_another_key(made: Practice, random: Random) -> None:
    data = made.target_files.pop(made.path(4989))
    made.target_files["Images/00/00/00/00000001.dex"] = data


@spoiler(FindingCode.FILE_MISSING, FindingCode.STRAY_FILE)
def _a_file_of_another_type(made: Practice, random: Random) -> None:
    path = made.path(4989)
    made.target_files[path.replace(".dex", ".png")] = made.target_files.pop(path)


@spoiler(FindingCode.INTEGRITY_MISMATCH)
def _an_altered_hash_in_the_row(made: Practice, random: Random) -> None:
    row = made.row("Image", random.choice(_DEX + _PHOTOS))
    row["SecurityHash"] = bytes([row["SecurityHash"][0] ^ 1]) + row["SecurityHash"][1:]


@spoiler(FindingCode.INTEGRITY_MISMATCH)
def _an_altered_hash_in_the_header(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(_INTEGRITY, data[_INTEGRITY] ^ 1))


@spoiler(FindingCode.HEADER_DIFFERS)
def _a_header_time_off_by_a_microsecond(made: Practice, random: Random) -> None:
    def shift(data: bytearray) -> None:
        (ticks,) = struct.unpack_from("<Q", data, _TIME)
        struct.pack_into("<Q", data, _TIME, ticks + 10)

    _edit(made, random.choice((4989, 4988)), shift)


@spoiler(FindingCode.HEADER_DIFFERS)
def _a_header_with_the_name_of_another_patient(made: Practice, random: Random) -> None:
    name = f"{PEOPLE[1]['family_name']}^{PEOPLE[1]['given_name']}"

    def rename(data: bytearray) -> None:
        data[_PERSON : _PERSON + 132] = (b"\0" + name.encode()).ljust(132, b"\0")

    _edit(made, 4989, rename)


@spoiler(FindingCode.HEADER_DIFFERS)
def _a_header_with_another_key(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(_VISUAL_ID, data[_VISUAL_ID] ^ 1))


@spoiler(FindingCode.HEADER_DIFFERS)
def _something_hidden_behind_a_name_or_in_spare_bytes(made: Practice, random: Random) -> None:
    place = random.choice([_PERSON + 100, _PERSON, 220])
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(place, 65))


@spoiler(FindingCode.PIXELS_DIFFER)
def _a_jpeg_encoded_again(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.file.endswith(".jpg"))
    made.target_files[made.path(shot.visual)] = encoded(shot.pixels, "JPEG")
    assert made.target_files[made.path(shot.visual)] != shot.data


@spoiler(FindingCode.PIXELS_DIFFER, FindingCode.INTEGRITY_MISMATCH)
def _a_jpeg_with_a_comment_added(made: Practice, random: Random) -> None:
    _edit(made, 4987, lambda data: data.__setitem__(slice(2, 2), b"\xff\xfe\0\6note"))


@spoiler(FindingCode.PIXELS_DIFFER)
def _a_png_that_is_not_the_same_file_any_more(made: Practice, random: Random) -> None:
    _edit(made, 4985, lambda data: data.extend(b"\0"))


@spoiler(FindingCode.PIXELS_DIFFER)
def _a_photo_with_one_step_of_one_channel(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.visual == 4984)
    pixels = shot.pixels.copy()
    pixels[random.randrange(8), random.randrange(11), random.randrange(3)] ^= 1
    made.target_files[made.path(4984)] = encoded(pixels, "PNG")


@spoiler(FindingCode.HEADER_DIFFERS, FindingCode.PIXELS_DIFFER)
def _a_photo_in_another_format(made: Practice, random: Random) -> None:
    shot = next(shot for shot in shots() if shot.visual == 4984)
    made.target_files[made.path(4984)] = encoded(shot.pixels, "BMP")


@spoiler(FindingCode.HEADER_DIFFERS)
def _a_name_without_the_zero_before_it(made: Practice, random: Random) -> None:
    _edit(
        made,
        4989,
        lambda data: data.__setitem__(slice(_PERSON, _PERSON + 132), "Müller^Anna".encode().ljust(132, b"\0")),
    )


@spoiler(FindingCode.HEADER_DIFFERS)
def _something_in_the_spare_bytes(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(random.randrange(200, _HEADER), 65))


@spoiler(FindingCode.HEADER_DIFFERS)
def _another_mark_at_the_beginning_or_end(made: Practice, random: Random) -> None:
    _edit(made, random.choice(_DEX), lambda data: data.__setitem__(random.choice([0, -1]), 65))
