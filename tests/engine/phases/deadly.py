"""Workers over whom certain files have power: what stands for a decoder that crashes."""

from __future__ import annotations

import os

from engine.proof import work as proof
from engine.proof.work import Looked, SampleVerdict
from engine.source.values import Row
from engine.target import work as target
from engine.target.work import Surveyed, Work

DEADLY, NEEDS_ALL = "deadly", "needs-all"  # in the name of a file: ends the process; ends it beside another such file
DEADLY_SAMPLE = "304097"  # the key of a sample that ends the process


def survey(work: Work) -> Surveyed:
    """The real survey, unless a file that is looked at ends this process."""
    looked_at = [image.file for image in work.record.images if image.key not in work.lethal]
    together = sum(NEEDS_ALL in file for file in looked_at)
    if any(DEADLY in file for file in looked_at) or together > 1:
        os._exit(11)
    return target.survey(work)


def look(place: str) -> Looked:
    """The real look into a file of the source, unless it ends this process."""
    if DEADLY in place:
        os._exit(11)
    return proof.look(place)


def judge(row: Row) -> SampleVerdict:
    """The real judgement of a sample, but for the one that ends this process."""
    if str(row["image_key"]) == DEADLY_SAMPLE:
        os._exit(11)
    return proof.judge(row)
