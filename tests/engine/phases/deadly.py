"""Workers over whom certain files have power: what stands for a decoder that crashes."""

from __future__ import annotations

import os

from engine.target import workshop
from engine.target.workshop import Surveyed, Work

DEADLY, NEEDS_ALL = "deadly", "needs-all"  # in the name of a file: ends the process; ends it beside another such file


def survey(work: Work) -> Surveyed:
    """The real survey, unless a file that is looked at ends this process."""
    looked_at = [image.file for image in work.record.images if image.key not in work.lethal]
    together = sum(NEEDS_ALL in file for file in looked_at)
    if any(DEADLY in file for file in looked_at) or together > 1:
        os._exit(11)
    return workshop.survey(work)
