"""A file whose decoding ends its process, found among the images of one patient and left out."""

from __future__ import annotations

from dataclasses import replace

from engine.running.workers import WorkerDied, Workers
from engine.target.work import Surveyed, Work


def without_lethal(workers: Workers[Work, Surveyed], work: Work) -> Surveyed:
    """What a patient comes to whose survey ended its process twice: each image is looked at alone, and again.

    An image that ends its process then is not looked at any more, and reported. Raises WorkerDied where none does and
    the patient as a whole still ends it: then the machine is to blame.
    """
    keys = frozenset(image.key for image in work.record.images)
    lethal = frozenset(key for key in keys if _ends(workers, replace(work, lethal=keys - {key})))
    return workers.run(replace(work, lethal=lethal))


def _ends(workers: Workers[Work, Surveyed], work: Work) -> bool:
    try:
        workers.run(work)
    except WorkerDied:
        return True
    return False
