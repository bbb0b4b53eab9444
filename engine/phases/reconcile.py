"""RECONCILED: source, target database and disk are the same set, found by code that shares nothing with conversion."""

from __future__ import annotations

from engine.events import Finding
from engine.job import Job
from engine.phases import PhaseResult, judged
from engine.phases.source_state import require_fingerprint, require_production, source_checks
from engine.profiles.load import load_source, load_target
from engine.reconcile.judgement import Discrepancy
from engine.reconcile.scan import Listener, Places, Reconciliation, reconcile
from engine.running.control import Control
from engine.running.reporter import Reporter
from protocol.statements import CheckResult, FindingCount, SetDigests, Totals
from protocol.vocabulary import Check, Gate, Phase


def run(job: Job, reporter: Reporter, control: Control) -> PhaseResult:
    """Compares everything. Raises UsageProblem, EnvironmentProblem, Interrupted; a run after that begins again."""
    require_fingerprint(job)
    require_production(job)
    source, target = load_source(job.source.profile), load_target(job.target.profile)
    places = Places(job.source.staging, job.source.store, job.target.database, job.target.store, job.folder)
    seen = reconcile(places, source, target, job.digest_key, job.run.workers, _listener(reporter, control))
    checks = (*checks_of(seen), *source_checks(job, reporter))
    return PhaseResult(Gate.RECONCILED, checks, _totals(seen, reporter), seen.digests)


def _listener(reporter: Reporter, control: Control) -> Listener:
    def found(patient: str | None, item: Discrepancy) -> None:
        reporter.finding(Finding(Phase.RECONCILE, item.code, patient, item.image, item.place, item.detail))

    def done(images: int, size: int) -> None:
        reporter.advance(patients=1, images=images, bytes=size)

    return Listener(reporter.total, reporter.doing, found, done, control.checkpoint, lambda: control.pace)


def checks_of(seen: Reconciliation) -> tuple[CheckResult, ...]:
    """Every check but those of the source alone. What is too many raises what is expected, as nothing can match it."""
    counts, left, source, target = seen.counts, seen.leftovers, seen.source, seen.target
    patients = counts.patients + left.patients
    images = counts.images + left.images + counts.images_extra
    return (
        judged(Check.SETS_EQUAL, 3, agreeing(seen.digests)),
        judged(
            Check.PATIENTS_MATCHED, max(patients, target["patients"]), min(counts.patients_matched, target["patients"])
        ),
        judged(Check.IMAGES_MATCHED, max(images, target["images"]), min(counts.images_matched, target["images"])),
        judged(Check.FIELDS_EQUAL, counts.things, counts.things_equal),
        judged(Check.PIXELS_EQUAL, counts.images, counts.pixels_equal),
        judged(Check.VIEWS_EQUAL, counts.images, counts.views_equal),
        judged(Check.INTEGRITY_RECOMPUTED, counts.images, counts.integrity_equal),
        judged(Check.LOOKUPS_FOUND, counts.images, counts.lookups_found),
        judged(Check.NO_STRAYS, 0, counts.strays + left.rows + left.files),
        judged(
            Check.TOTALS_DECLARED,
            source.patients + source.images,
            counts.patients_matched
            + source.excluded_patients
            + counts.images_matched
            + counts.declared
            + source.excluded_images,
        ),
    )


def agreeing(digests: SetDigests) -> int:
    """How many of the three sets are equal to another: 3, 2, or 1 where each stands alone."""
    return 4 - len({digests.source, digests.database, digests.disk})


def _totals(seen: Reconciliation, reporter: Reporter) -> Totals:
    counts = seen.counts
    return Totals(
        patients=counts.patients,
        studies=counts.studies,
        series=counts.series,
        images=counts.images,
        files=seen.files,
        bytes=seen.file_bytes,
        rows=seen.rows,
        annotations=seen.source.annotations,
        findings=tuple(FindingCount(code, count) for code, count in reporter.counts.items()),
    )
