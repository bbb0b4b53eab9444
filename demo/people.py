"""Synthetic people in many scripts. Nobody here exists; every value is made by Faker from the seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from faker import Faker

from protocol import vocabulary

_LOCALES = (
    "en_US", "pl_PL", "ru_RU", "el_GR", "ar_AA", "de_DE", "he_IL", "zh_CN", "fr_FR", "ja_JP", "cs_CZ", "ko_KR",
    "uk_UA", "vi_VN", "hi_IN", "tr_TR", "th_TH", "es_ES", "hy_AM", "hu_HU", "ka_GE", "sv_SE", "bg_BG", "zh_TW",
)  # fmt: skip
_OLDEST, _YOUNGEST = date(1931, 1, 1), date(2019, 12, 31)
_SHORTEST_PLAIN_NAME = 5  # letters of an ASCII name; a shorter one is met by chance in any long text


@dataclass(frozen=True, slots=True)
class Person:
    """One synthetic patient. `sex` is F, M, O or None; `chart_number` is text, leading zeros and all."""

    key: int
    family_name: str
    given_name: str
    middle_name: str | None
    sex: str | None
    born: date | None
    chart_number: str | None
    deleted: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of this person by itself, and the forms in which systems join them."""
        parts = tuple(name for name in (self.family_name, self.given_name, self.middle_name) if name)
        family, given = self.family_name, self.given_name
        return (*parts, f"{family}^{given}", f"{family}, {given}", f"{given} {family}")

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Everything about this person that must not leave the practice."""
        born = (self.born.isoformat(),) if self.born else ()
        chart = (self.chart_number,) if self.chart_number else ()
        return (*self.names, *born, *chart)


def make_people(count: int, *, seed: int, first_key: int = 1, deleted: int = 0) -> tuple[Person, ...]:
    """`count` people, and then `deleted` more whom the practice has deleted, with keys counted from `first_key`."""
    chance = random.Random(f"people {seed}")
    return tuple(_person(first_key + index, index, index >= count, chance) for index in range(count + deleted))


def _person(key: int, index: int, deleted: bool, chance: random.Random) -> Person:
    faker = _faker(_LOCALES[index % len(_LOCALES)])
    faker.seed_instance(chance.getrandbits(64))
    sex = None if index % 17 == 16 else "O" if index % 13 == 12 else chance.choice("FM")
    given = faker.first_name_male if sex == "M" else faker.first_name_female
    return Person(
        key=key,
        family_name=_fitting(faker.last_name),
        given_name=_fitting(given),
        middle_name=_fitting(given) if index % 3 == 0 else None,
        sex=sex,
        born=None if index % 23 == 22 else _OLDEST + timedelta(chance.randrange((_YOUNGEST - _OLDEST).days)),
        chart_number=_chart_number(index, chance),
        deleted=deleted,
    )


def _chart_number(index: int, chance: random.Random) -> str | None:
    """Mostly ten digits with leading zeros; two alphanumeric forms, a few missing, and one given twice."""
    digits = f"{chance.randrange(10**7, 10**8):010d}"
    if index % 19 == 2:
        return None
    if index in (4, 5):
        return "0040961873"
    if index % 11 == 6:
        return f"MK-{digits[-6:]}.{index:02d}"
    return f"{digits}-BIS" if index % 29 == 7 else digits


def _fitting(make: Callable[[], str]) -> str:
    """A name that cannot be mistaken for a word of the wire."""
    return next(name for name in iter(make, "") if _fits(name))


def _fits(name: str) -> bool:
    return not name.isascii() or (len(name) >= _SHORTEST_PLAIN_NAME and name.casefold() not in _wire_words())


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


@cache
def _wire_words() -> str:
    """Every word that may leave a practice. A name that is part of one of them could not be told from it."""
    kinds = [kind for kind in vars(vocabulary).values() if isinstance(kind, type) and hasattr(kind, "__members__")]
    return " ".join(str(word.value) for kind in kinds for word in kind.__members__.values()).casefold()
