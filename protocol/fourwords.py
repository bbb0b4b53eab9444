"""The spoken code of a key: four words that the practice and the firm read to each other when an agent enrols.

The words are derived with scrypt, so that whoever wants a key of their own with the same four words (32 bits) pays for
every try with 16 MiB and tens of milliseconds: about seven processor-years on average.
"""

from __future__ import annotations

import hashlib

_TEXT = """
    acorn amber anchor angle apple april arrow atlas autumn bacon badge banjo barrel basil basket beacon
    beaver bell berry birch bishop blanket blossom border bottle bracket branch bread breeze brick bridge bronze
    brush bucket butter button cabin cable cactus camel candle canoe canyon carpet carrot castle cedar cello
    chalk cherry chess chimney cider circle citrus clay clover cobalt coffee comet copper coral corner cotton
    cradle crayon cricket crystal cup curtain daisy dancer desert diamond dolphin donkey door dragon drum eagle
    easel echo elbow ember emerald engine falcon feather fern ferry fiddle field finch flame flint flute
    forest fossil fountain fox gallop garden garlic garnet ginger glacier globe goblet granite grape gravel guitar
    hammer harbor hazel hedge helmet heron hill hockey honey horizon hotel igloo indigo island ivory jacket
    jaguar jasmine jigsaw jungle juniper kayak kernel kettle kitchen kite ladder lagoon lantern laurel lemon
    library lily linen lizard lobster locket lotus magnet mango maple marble market meadow melon mercury mint mirror
    mitten monkey morning mosaic mountain museum mustard napkin nectar needle nickel north nutmeg oasis ocean olive
    onion orange orbit orchard otter owl oyster paddle palace panda paper parrot pearl pebble pencil pepper
    piano pigeon pillow pine planet plum pocket pond poplar puzzle quartz quilt rabbit radish raven ribbon
    river robin rocket rope rose ruby saddle sail salmon sandal scarf shadow shell silver sketch spruce
    squirrel star stone summer sunset swan table temple thistle thunder tiger timber tomato topaz tower trumpet
    tulip tunnel turtle umbrella valley velvet village violin volcano walnut willow window winter wizard yellow zebra
"""
WORDS: tuple[str, ...] = tuple(_TEXT.split())


def four_words(public_key: bytes) -> tuple[str, str, str, str]:
    """The words of a raw Ed25519 public key (32 bytes): the same on both sides, or the keys differ."""
    a, b, c, d = hashlib.scrypt(public_key, salt=b"bitewing four words 1", n=2**14, r=8, p=1, dklen=4)
    return WORDS[a], WORDS[b], WORDS[c], WORDS[d]
