"""Stage: restore the practice's own backup, prove staging isolated and read-only, take the source's fingerprint."""

from __future__ import annotations

from engine.events import Finding
from engine.job import Job
from engine.phases import PhaseResult, judged
from engine.profiles.load import load_source
from engine.profiles.schema import SourceProfile
from engine.running.control import Control
from engine.running.reporter import Reporter
from engine.source.database import SourceDatabase
from engine.source.fingerprint import Fingerprint, take
from engine.source.live_schema import SchemaComparison, compare_schema, is_supported
from engine.source.snapshot import Restored, restore
from engine.source.snapshot.staging import MARKER
from engine.source.store import SourceStore
from engine.top_up import require_settled
from protocol.errors import BitewingError, EnvironmentProblem
from protocol.statements import CheckResult, FindingCount, Totals
from protocol.vocabulary import Check, FindingCode, Gate, Phase


def run(job: Job, reporter: Reporter, control: Control) -> PhaseResult:
    """The evidence of STAGED.

    Raises UsageProblem if staging is not ours, EnvironmentProblem if it cannot be made, Refused while a conversion is
    under way.
    """
    require_settled(job)
    profile = load_source(job.source.profile)
    _refuse_empty(SourceStore(job.source.store))
    before = _fingerprint_before(job)
    job.fingerprint_path.unlink(missing_ok=True)
    control.checkpoint()
    restored = restore(job, profile, lambda size: reporter.advance(bytes=size))
    control.checkpoint()
    with SourceDatabase.open(job.source.staging, profile) as database:
        live = database.tables()
        schema = compare_schema(profile.database, live, database.matching)
        supported = _supports_version(database, profile, schema, reporter)
        checks = _checks(profile, restored, schema, supported, MARKER in live, database.prove_read_only(MARKER))
        control.checkpoint()
        fingerprint = take(job, database, lambda rows, files: reporter.advance(rows=rows, files=files))
        totals = _totals(database, profile, schema, fingerprint, reporter)
    return PhaseResult(
        Gate.STAGED,
        checks,
        totals,
        renewed=fingerprint != before,
        publish=lambda: fingerprint.save(job.fingerprint_path),
    )


def _fingerprint_before(job: Job) -> Fingerprint | None:
    try:
        return Fingerprint.load(job.fingerprint_path, job.run_id)
    except BitewingError:
        return None


def _refuse_empty(store: SourceStore) -> None:
    if next(store.walk(), None) is None:
        advice = "connect its disk or network share, or correct source.store; or every image would be missing"
        where = "DEXIS 11's image store (source.store in job.toml)"
        raise EnvironmentProblem("it holds no file", where=where, next_step=advice)


def _supports_version(
    database: SourceDatabase, profile: SourceProfile, schema: SchemaComparison, reporter: Reporter
) -> bool:
    """Whether the source's version is one the profile names. What differs becomes findings."""
    for difference in schema.differences:
        reporter.finding(Finding(Phase.STAGE, FindingCode.SCHEMA_DRIFT, detail=difference))
    if schema.differences:
        return False
    version = database.scalar(profile.database.version)
    supported = is_supported(None if version is None else str(version), profile.profile.versions)
    if not supported:
        detail = f"version {version}; the profile names {', '.join(profile.profile.versions)}"
        reporter.finding(Finding(Phase.STAGE, FindingCode.VERSION_UNSUPPORTED, detail=detail))
    return supported


def _checks(
    profile: SourceProfile,
    restored: Restored,
    schema: SchemaComparison,
    supported: bool,
    marked: bool,
    writes: tuple[int, int],
) -> tuple[CheckResult, ...]:
    """Staging is isolated if it carries our marker: production was refused before anything was written.

    SOURCE_SCHEMA counts the version as one thing more to be found.
    """
    return (
        judged(Check.SNAPSHOT_RESTORED, len(profile.database.relies_on), restored.tables),
        judged(Check.STAGING_ISOLATED, 1, int(marked)),
        judged(Check.SOURCE_READ_ONLY, *writes),
        judged(Check.SOURCE_SCHEMA, schema.columns + 1, schema.columns_found + supported),
    )


def _totals(
    database: SourceDatabase,
    profile: SourceProfile,
    schema: SchemaComparison,
    fingerprint: Fingerprint,
    reporter: Reporter,
) -> Totals:
    """Everything there is, before any exclusion. A schema that drifted cannot be asked: only files and rows count."""
    counts: dict[str, int] = {}
    if not schema.differences:
        audit = profile.audit
        counts = {
            "patients": int(database.scalar(audit.patients)),
            "images": int(database.scalar(audit.images)),
            "annotations": int(database.scalar(audit.annotations)),
        } | {
            {"study": "studies"}.get(name, name): sum(1 for _ in database.rows(profile.entities[name].query))
            for name in ("study", "series")
        }
    return Totals(
        **counts,
        files=fingerprint.store.files,
        bytes=fingerprint.store.bytes,
        rows=fingerprint.rows,
        findings=tuple(FindingCount(code, count) for code, count in reporter.counts.items()),
    )
