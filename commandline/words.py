"""The order of words on a command line."""

from __future__ import annotations

from collections.abc import Collection


def in_front(words: list[str], *, switches: Collection[str], valued: Collection[str]) -> list[str]:
    """The same words with a command's shared options first, so that they may also be written after the verb."""
    shared: list[str] = []
    rest: list[str] = []
    following = iter(words)
    for word in following:
        if word in switches or (word.partition("=")[0] in valued and "=" in word):
            shared.append(word)
        elif word in valued:
            shared += [word, *([value] if (value := next(following, None)) is not None else [])]
        else:
            rest.append(word)
    return shared + rest


def value_of(option: str, words: list[str]) -> str | None:
    """The value that stands for `option`, as `--option VALUE` or `--option=VALUE`."""
    for word, following in zip(words, [*words[1:], None], strict=True):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None
