"""The spoken code of a key."""

from __future__ import annotations

from protocol.fourwords import WORDS, four_words


def test_every_byte_has_a_word_of_its_own() -> None:
    assert len(WORDS) == len(set(WORDS)) == 256


def test_the_same_key_gives_the_same_words_and_another_key_gives_others() -> None:
    key = bytes(range(32))
    assert four_words(key) == four_words(key)
    assert four_words(key) != four_words(bytes(32))
