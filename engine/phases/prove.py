"""Proves both profiles on this practice's own data; opens PROFILE_PROVEN. Reads only, and never decides by itself.

Target: genuine samples are explained, re-encoded byte for byte and their integrity hashes recomputed. Source: schema,
codes, files and encodings as they really are. Details stay in report/prove.json.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine.events import Finding
from engine.job import Job
from engine.model import Category
from engine.phases import PhaseResult, at_least, judged
from engine.profiles.load import load_source, load_target
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.proof.source_survey import FileTrouble, SourceFacts, SourceSurvey
from engine.proof.work import SampleVerdict, asked, judging, looking
from engine.running.control import Control
from engine.running.reporter import Reporter
from engine.running.workers import WorkerDied, Workers
from engine.settings import SampleSettings
from engine.source.database import SourceDatabase
from engine.source.live_schema import SchemaComparison, compare_schema, is_supported
from engine.source.store import SourceStore
from engine.source.values import Row
from engine.target.work import KILLS_THE_DECODER
from protocol.errors import UsageProblem
from protocol.statements import CheckResult, FindingCount, Totals
from protocol.vocabulary import Check, FindingCode, Gate, Phase

LEAST_SAMPLES: Final = 20  # samples: fewer say too little, 0 failures in 20 bounds the failure rate at 15%
_RULE_OF_THREE: Final = 3  # 0 failures in n: at most 3/n at 95% confidence
_MOST_COMPLAINTS: Final = 1_000  # samples listed in the report; findings hold all of them


@dataclass(slots=True)
class _Samples:
    """The samples' verdicts, added up. Sizes in bytes."""

    count: int = 0
    proven: int = 0
    size: int = 0
    explained: int = 0
    reencoded: int = 0
    hashes: int = 0
    hashes_reproduced: int = 0
    packed_otherwise: int = 0
    categories: Counter[Category] = field(default_factory=Counter)
    complaints: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, verdict: SampleVerdict) -> None:
        self.count += 1
        self.proven += verdict.is_proven
        self.size += verdict.size
        self.explained += verdict.explained
        self.reencoded += verdict.reencoded
        self.hashes += verdict.hashes
        self.hashes_reproduced += verdict.hashes_reproduced
        self.packed_otherwise += verdict.packed_otherwise
        if verdict.category is not None:
            self.categories[verdict.category] += 1
        if verdict.complaints and len(self.complaints) < _MOST_COMPLAINTS:
            self.complaints[verdict.key] = verdict.complaints


def run(job: Job, reporter: Reporter, control: Control) -> PhaseResult:
    """Proves source and target profile. Raises UsageProblem, EnvironmentProblem or Interrupted."""
    genuine = _named_samples(job)
    source, target = load_source(job.source.profile), load_target(job.target.profile)
    source_schema, facts = _prove_source(job, source, reporter, control)
    target_schema = _target_schema(job, target, reporter)
    samples = _prove_samples(genuine, target, reporter, control)
    _write_report(job, (source, source_schema), (target, target_schema), facts, samples)
    return PhaseResult(
        gate=Gate.PROFILE_PROVEN,
        checks=(
            _schema_check(Check.SOURCE_SCHEMA, source_schema),
            _schema_check(Check.TARGET_SCHEMA, target_schema),
            *_sample_checks(samples, facts),
            *_source_checks(facts),
        ),
        totals=Totals(
            images=samples.count,
            files=samples.count,
            bytes=samples.size,
            findings=tuple(FindingCount(code, count) for code, count in reporter.counts.items()),
        ),
    )


def _named_samples(job: Job) -> SampleSettings:
    """Where the genuine samples are. Raises UsageProblem if job.toml does not say."""
    if job.samples is None:
        raise UsageProblem(
            "no genuine samples are named, and without them nothing can be proven",
            where="job.toml",
            next_step="add a section [samples] with database and store: rows and files of this practice that DEXIS 10"
            f" itself wrote, at least {LEAST_SAMPLES}",
        )
    return job.samples


def _prove_source(
    job: Job, profile: SourceProfile, reporter: Reporter, control: Control
) -> tuple[SchemaComparison, SourceFacts]:
    with SourceDatabase.open(job.source.staging, profile) as database, looking(job.source.store) as looker:
        schema = _compared(database, profile, reporter)
        if schema.differences:
            return schema, SourceFacts()
        survey = SourceSurvey(database, SourceStore(job.source.store), profile, looker)
        reporter.total(patients=0, images=survey.most_images)
        survey.run(control, lambda trouble: _report_trouble(reporter, trouble), lambda: reporter.advance(images=1))
        reporter.total(patients=0, images=survey.facts.images)  # what was left out on purpose is not waited for
    for sentence in sorted(survey.facts.unmapped):
        reporter.finding(Finding(Phase.PROVE, FindingCode.UNKNOWN_CODE, detail=sentence))
    for encoding, reason in sorted(survey.facts.undecodable.items()):
        reporter.finding(Finding(Phase.PROVE, FindingCode.NO_DECODER, detail=f"{encoding}: {reason}"))
    return schema, survey.facts


def _report_trouble(reporter: Reporter, trouble: FileTrouble) -> None:
    reporter.finding(
        Finding(Phase.PROVE, trouble.code, image=trouble.image, place=trouble.place, detail=trouble.detail)
    )


def _target_schema(job: Job, profile: TargetProfile, reporter: Reporter) -> SchemaComparison:
    with SourceDatabase.open(job.target.database, profile) as database:
        return _compared(database, profile, reporter)


def _compared(database: SourceDatabase, profile: SourceProfile | TargetProfile, reporter: Reporter) -> SchemaComparison:
    """The live schema against the profile. A version the profile names counts as one more column."""
    schema = compare_schema(profile.database, database.tables(), database.matching)
    for sentence in schema.differences:
        reporter.finding(Finding(Phase.PROVE, FindingCode.SCHEMA_DRIFT, place=database.place, detail=sentence))
    version = None if schema.differences else database.scalar(profile.database.version)
    supported = is_supported(None if version is None else str(version), profile.profile.versions)
    differences = schema.differences
    if not supported and not differences:
        detail = f"version {version}; the profile is about {', '.join(profile.profile.versions)}"
        reporter.finding(Finding(Phase.PROVE, FindingCode.VERSION_UNSUPPORTED, place=database.place, detail=detail))
        differences = (detail,)
    return replace(
        schema,
        columns=schema.columns + 1,
        columns_found=schema.columns_found + supported,
        differences=differences,
    )


def _prove_samples(settings: SampleSettings, profile: TargetProfile, reporter: Reporter, control: Control) -> _Samples:
    samples = _Samples()
    with SourceDatabase.open(settings.database, profile) as database:
        if _compared(database, profile, reporter).differences:
            return samples
        with judging(profile, settings.store) as judge:
            for row in database.rows(profile.audit.look_up):
                control.checkpoint()
                verdict = _judged_sample(judge, row)
                samples.add(verdict)
                _report_sample(reporter, verdict)
    return samples


def _judged_sample(judge: Workers[Row, SampleVerdict], row: Row) -> SampleVerdict:
    try:
        return asked(judge, row)
    except WorkerDied:
        return SampleVerdict(str(row["image_key"]), None, (KILLS_THE_DECODER,))


def _report_sample(reporter: Reporter, verdict: SampleVerdict) -> None:
    if verdict.complaints:
        detail = "; ".join(verdict.complaints)
        reporter.finding(Finding(Phase.PROVE, FindingCode.SAMPLE_UNEXPLAINED, image=verdict.key, detail=detail))
    if verdict.hashes_reproduced < verdict.hashes:
        detail = f"{verdict.hashes_reproduced} of {verdict.hashes} stored hashes reproduced"
        reporter.finding(Finding(Phase.PROVE, FindingCode.INTEGRITY_MISMATCH, image=verdict.key, detail=detail))


def _schema_check(check: Check, schema: SchemaComparison) -> CheckResult:
    return judged(check, schema.columns, schema.columns_found)


def _sample_checks(samples: _Samples, facts: SourceFacts) -> tuple[CheckResult, ...]:
    covered = facts.categories & samples.categories.keys()
    return (
        at_least(Check.SAMPLES_ENOUGH, LEAST_SAMPLES, samples.count),
        judged(Check.SAMPLE_CATEGORIES, len(facts.categories), len(covered)),
        judged(Check.SAMPLES_EXPLAINED, samples.size, samples.explained),
        judged(Check.SAMPLES_REENCODED, samples.count, samples.reencoded),
        judged(Check.INTEGRITY_REPRODUCED, samples.hashes, samples.hashes_reproduced),
    )


def _source_checks(facts: SourceFacts) -> tuple[CheckResult, ...]:
    codes, encodings = len(facts.codes), len(facts.encodings.keys() | facts.undecodable.keys())
    return (
        judged(Check.SOURCE_CODES_MAPPED, codes, max(codes - len(facts.unmapped), 0)),
        judged(Check.SOURCE_FILES_RESOLVED, facts.images, facts.files, accepted=facts.wanting),
        judged(Check.DECODERS_AVAILABLE, encodings, encodings - len(facts.undecodable)),
    )


def _write_report(
    job: Job,
    source: tuple[SourceProfile, SchemaComparison],
    target: tuple[TargetProfile, SchemaComparison],
    facts: SourceFacts,
    samples: _Samples,
) -> None:
    """report/prove.json: what was proven and how far it reaches. Local; holds keys and values of the practice."""
    job.report_folder.mkdir(exist_ok=True)
    report = {
        "source": {**_profile_report(*source), **_facts_report(facts)},
        "target": {**_profile_report(*target), "samples": _samples_report(samples)},
    }
    path = job.report_folder / "prove.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _profile_report(profile: SourceProfile | TargetProfile, schema: SchemaComparison) -> dict[str, Any]:
    return {"profile": profile.id, "digest": profile.digest, "schema_differences": list(schema.differences)}


def _facts_report(facts: SourceFacts) -> dict[str, Any]:
    return {
        "images": facts.images,
        "files_resolved": facts.files,
        "files_wanting": facts.wanting,
        "files_read": facts.files_read,
        "categories": sorted(facts.categories),
        "encodings": dict(sorted(facts.encodings.items())),
        "undecodable": dict(sorted(facts.undecodable.items())),
        "unmapped": sorted(facts.unmapped),
    }


def _samples_report(samples: _Samples) -> dict[str, Any]:
    failed = samples.count - samples.proven
    bound = _RULE_OF_THREE / samples.count if samples.count and not failed else None
    return {
        "count": samples.count,
        "failed": failed,
        "failure_rate_at_most": bound,
        "confidence": 0.95,
        "categories": dict(sorted(samples.categories.items())),
        "bytes": samples.size,
        "bytes_explained": samples.explained,
        "payloads_packed_otherwise": samples.packed_otherwise,
        "complaints": samples.complaints,
    }
