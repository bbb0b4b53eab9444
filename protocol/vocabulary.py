"""Every closed list of words, with one line for each word.

These enums are the only words that can leave a practice. A word is never built from data: it is one of these,
or the message that carries it does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType


class ExitCode(IntEnum):
    """How every command of Bitewing ends."""

    DONE = 0  # done and passed
    ANSWER_IS_NO = 1  # done, and the answer is no: findings, or not exact
    USAGE = 2  # the command line, job.toml or a profile is wrong
    REFUSED = 3  # a gate is closed, a signature is missing, another process holds the job
    INTERRUPTED = 4  # stopped half-way: run the same command again to resume
    ENVIRONMENT = 5  # database, disk or network


class Phase(StrEnum):
    """What a run does, in the order in which it does it."""

    ASSESS = "assess"  # does this practice fit
    STAGE = "stage"  # restore the practice's backup into staging, take the source fingerprint
    PROVE = "prove"  # prove the profiles on this practice's own genuine samples
    DRY_RUN = "dry-run"  # the whole conversion with zero writes
    CONVERT = "convert"  # conversion night
    RECONCILE = "reconcile"  # source == database == disk, by independent code
    CHECK = "check"  # people look: viewer and Dentrix
    CUTOVER = "cutover"  # workstations and sensors
    WINDOW = "window"  # DEXIS 11 stays the way back
    ANNOTATE = "annotate"  # graphical annotations, in a later pass


class Gate(StrEnum):
    """What must be true before the next phase may begin."""

    FIT = "FIT"
    STAGED = "STAGED"
    PROFILE_PROVEN = "PROFILE_PROVEN"
    DRY_RUN = "DRY_RUN"
    CONVERTED = "CONVERTED"
    RECONCILED = "RECONCILED"
    VIEWER_CHECKED = "VIEWER_CHECKED"
    DENTRIX_LINKED = "DENTRIX_LINKED"
    SENSORS_PASSED = "SENSORS_PASSED"
    GO_LIVE = "GO_LIVE"
    WINDOW_CLOSED = "WINDOW_CLOSED"
    ANNOTATIONS = "ANNOTATIONS"


class GateState(StrEnum):
    """Where a gate stands. Everything that is not OPEN is closed."""

    CLOSED = "closed"  # no evidence, or evidence that failed
    WAITING = "waiting"  # the evidence passed, approvals are missing
    REJECTED = "rejected"  # an approver said no to this evidence
    OPEN = "open"


class Check(StrEnum):
    """One question that a piece of evidence answers with expected, actual and a verdict."""

    SNAPSHOT_RESTORED = "snapshot-restored"  # tables restored from the backup, of those the profile relies on
    STAGING_ISOLATED = "staging-isolated"  # staging is not production
    SOURCE_READ_ONLY = "source-read-only"  # write attempts on staging that the database refused
    SOURCE_SCHEMA = "source-schema"  # columns the profile relies on that exist
    SOURCE_FILES_RESOLVED = "source-files-resolved"  # images whose file is there
    SAMPLES_ENOUGH = "samples-enough"  # genuine target samples, at least 20
    SAMPLE_CATEGORIES = "sample-categories"  # categories met in the source that the samples cover
    SAMPLES_EXPLAINED = "samples-explained"  # sample bytes that the profile explains
    SAMPLES_REENCODED = "samples-reencoded"  # samples whose re-encoding is byte for byte equal
    INTEGRITY_REPRODUCED = "integrity-reproduced"  # stored integrity hashes recomputed and equal
    TARGET_SCHEMA = "target-schema"  # columns the target profile relies on that exist
    SOURCE_CODES_MAPPED = "source-codes-mapped"  # distinct codes met in the source that the profile maps
    DECODERS_AVAILABLE = "decoders-available"  # encodings met in the source that this machine can decode
    PATIENTS_ENUMERATED = "patients-enumerated"  # patients planned, of those the audit counts
    IMAGES_ENUMERATED = "images-enumerated"  # images planned or found wanting, of those the audit counts
    IMAGES_DECODED = "images-decoded"  # images decoded and validated
    RECORDS_MAPPED = "records-mapped"  # images whose record the target can hold
    FILES_WRITTEN = "files-written"  # files written outside the job folder: none
    ROWS_WRITTEN = "rows-written"  # rows written to the target: none
    SOURCE_UNCHANGED = "source-unchanged"  # source fingerprint equal to the one taken at staging
    TARGET_UNCHANGED = "target-unchanged"  # target fingerprint equal before and after
    NO_BLOCKERS = "no-blockers"  # findings that block
    DISK_SUFFICIENT = "disk-sufficient"  # MiB needed on the target volume, MiB free
    PATIENTS_CONVERTED = "patients-converted"  # patients committed, of those planned
    IMAGES_CONVERTED = "images-converted"  # images committed, of those planned
    DIGESTS_AS_PLANNED = "digests-as-planned"  # files whose digest is the one the dry run predicted
    NOTHING_SET_ASIDE = "nothing-set-aside"  # patients set aside after repeated failures
    NOTHING_NEWER = "nothing-newer"  # files and rows in DEXIS 11 that are newer than the snapshot: none
    SETS_EQUAL = "sets-equal"  # of source, database and disk: how many set digests agree
    PATIENTS_MATCHED = "patients-matched"  # patients that are there exactly once on each side
    IMAGES_MATCHED = "images-matched"  # images that are there exactly once on each side
    FIELDS_EQUAL = "fields-equal"  # images and patients with every field equal
    PIXELS_EQUAL = "pixels-equal"  # images with every pixel equal
    VIEWS_EQUAL = "views-equal"  # images whose rendered view is equal
    INTEGRITY_RECOMPUTED = "integrity-recomputed"  # target integrity hashes recomputed and equal
    LOOKUPS_FOUND = "lookups-found"  # images found by way of chart, patient, study, series and file path
    NO_STRAYS = "no-strays"  # files and rows that belong to nothing
    TOTALS_DECLARED = "totals-declared"  # source total = converted + declared exclusions


REQUIRED_CHECKS: Mapping[Gate, frozenset[Check]] = MappingProxyType(
    {
        Gate.STAGED: frozenset(
            {Check.SNAPSHOT_RESTORED, Check.STAGING_ISOLATED, Check.SOURCE_READ_ONLY, Check.SOURCE_SCHEMA}
        ),
        Gate.PROFILE_PROVEN: frozenset(
            {
                Check.SOURCE_SCHEMA,
                Check.TARGET_SCHEMA,
                Check.SAMPLES_ENOUGH,
                Check.SAMPLE_CATEGORIES,
                Check.SAMPLES_EXPLAINED,
                Check.SAMPLES_REENCODED,
                Check.INTEGRITY_REPRODUCED,
                Check.SOURCE_CODES_MAPPED,
                Check.SOURCE_FILES_RESOLVED,
                Check.DECODERS_AVAILABLE,
            }
        ),
        Gate.DRY_RUN: frozenset(
            {
                Check.PATIENTS_ENUMERATED,
                Check.IMAGES_ENUMERATED,
                Check.IMAGES_DECODED,
                Check.RECORDS_MAPPED,
                Check.FILES_WRITTEN,
                Check.ROWS_WRITTEN,
                Check.SOURCE_UNCHANGED,
                Check.NOTHING_NEWER,
                Check.TARGET_UNCHANGED,
                Check.NO_BLOCKERS,
                Check.DISK_SUFFICIENT,
            }
        ),
        Gate.CONVERTED: frozenset(
            {
                Check.PATIENTS_CONVERTED,
                Check.IMAGES_CONVERTED,
                Check.DIGESTS_AS_PLANNED,
                Check.NOTHING_SET_ASIDE,
                Check.SOURCE_UNCHANGED,
                Check.NOTHING_NEWER,
            }
        ),
        Gate.RECONCILED: frozenset(
            {
                Check.SETS_EQUAL,
                Check.PATIENTS_MATCHED,
                Check.IMAGES_MATCHED,
                Check.FIELDS_EQUAL,
                Check.PIXELS_EQUAL,
                Check.VIEWS_EQUAL,
                Check.INTEGRITY_RECOMPUTED,
                Check.LOOKUPS_FOUND,
                Check.NO_STRAYS,
                Check.TOTALS_DECLARED,
                Check.SOURCE_UNCHANGED,
                Check.NOTHING_NEWER,
            }
        ),
    }
)
"""The checks without which evidence for a gate is incomplete. A gate that is not here opens by attestation."""

AT_LEAST_CHECKS = frozenset({Check.SAMPLES_ENOUGH, Check.DISK_SUFFICIENT})
"""Checks that pass with more than was expected; every other check passes only when both numbers are equal."""


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    ACCEPT = "accept"  # passes only if the approvers accept the findings this evidence counts
    FAIL = "fail"


class DecisionVerdict(StrEnum):
    """What an operator says of a piece of evidence."""

    APPROVE = "approve"
    REJECT = "reject"


class Role(StrEnum):
    """What an operator may do."""

    VIEWER = "viewer"  # look
    APPROVER = "approver"  # look and decide
    ADMIN = "admin"  # look, decide, pause, resume, stop, revoke


class Severity(StrEnum):
    """What a finding does to the gate."""

    BLOCKER = "blocker"  # the gate stays closed
    ACCEPT = "accept"  # the approvers must accept it
    INFO = "info"  # worth knowing


class Owner(StrEnum):
    """Who can do something about a finding."""

    STAFF = "staff"
    PRACTICE = "practice"
    PRACTICE_IT = "practice-it"


class FindingCode(StrEnum):
    """What was found. A finding's detail stays at the practice; its code and count may leave."""

    MISSING_FILE = "MISSING_FILE"
    UNREADABLE_FILE = "UNREADABLE_FILE"
    TRUNCATED = "TRUNCATED"
    EMPTY_FILE = "EMPTY_FILE"
    SUSPECT_SIZE = "SUSPECT_SIZE"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    CHART_MISSING = "CHART_MISSING"
    CHART_DUPLICATE = "CHART_DUPLICATE"
    CHART_TOO_LONG = "CHART_TOO_LONG"
    TEXT_NOT_REPRESENTABLE = "TEXT_NOT_REPRESENTABLE"
    TEXT_TOO_LONG = "TEXT_TOO_LONG"
    DATE_OUT_OF_RANGE = "DATE_OUT_OF_RANGE"
    DATE_PRECISION_LOST = "DATE_PRECISION_LOST"
    VALUE_UNFIT = "VALUE_UNFIT"
    DUPLICATE_UID = "DUPLICATE_UID"
    ORPHAN_FILE = "ORPHAN_FILE"
    ORPHAN_ROW = "ORPHAN_ROW"
    LABEL_DISAGREES = "LABEL_DISAGREES"
    MULTIFRAME = "MULTIFRAME"
    VOLUME = "VOLUME"
    LOSSY_SOURCE = "LOSSY_SOURCE"
    DISPLAY_RULE_LOST = "DISPLAY_RULE_LOST"
    NO_DECODER = "NO_DECODER"
    TOO_LARGE = "TOO_LARGE"
    PATH_TAKEN = "PATH_TAKEN"
    TARGET_NOT_EMPTY = "TARGET_NOT_EMPTY"
    SCHEMA_DRIFT = "SCHEMA_DRIFT"
    VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
    LATE_ARRIVAL = "LATE_ARRIVAL"
    DISK_SPACE = "DISK_SPACE"
    TRANSIENT_READ = "TRANSIENT_READ"
    SET_ASIDE = "SET_ASIDE"
    TARGET_CHANGED = "TARGET_CHANGED"
    SAMPLE_UNEXPLAINED = "SAMPLE_UNEXPLAINED"
    PATIENT_MISSING = "PATIENT_MISSING"
    PATIENT_EXTRA = "PATIENT_EXTRA"
    ROW_MISSING = "ROW_MISSING"
    ROW_EXTRA = "ROW_EXTRA"
    FILE_MISSING = "FILE_MISSING"
    STRAY_FILE = "STRAY_FILE"
    FIELD_DIFFERS = "FIELD_DIFFERS"
    PIXELS_DIFFER = "PIXELS_DIFFER"
    VIEW_DIFFERS = "VIEW_DIFFERS"
    INTEGRITY_MISMATCH = "INTEGRITY_MISMATCH"
    HEADER_DIFFERS = "HEADER_DIFFERS"
    LOOKUP_FAILED = "LOOKUP_FAILED"


@dataclass(frozen=True, slots=True)
class Advice:
    """What a finding means for the gate, who can act, and what to do."""

    severity: Severity
    owner: Owner
    what_to_do: str


def _advice(severity: Severity, owner: Owner, what_to_do: str) -> Advice:
    return Advice(severity, owner, what_to_do)


_B, _A, _I = Severity.BLOCKER, Severity.ACCEPT, Severity.INFO
_S, _P, _T = Owner.STAFF, Owner.PRACTICE, Owner.PRACTICE_IT

ADVICE: Mapping[FindingCode, Advice] = MappingProxyType(
    {
        FindingCode.MISSING_FILE: _advice(
            _A, _P, "DEXIS 11 itself has a row and no file; look in older backups, or accept"
        ),
        FindingCode.UNREADABLE_FILE: _advice(
            _B, _T, "the file cannot be read, or holds no picture; check the disk and permissions, then run again"
        ),
        FindingCode.TRUNCATED: _advice(
            _A, _P, "the file ends too early in DEXIS 11 itself; look in older backups, or accept"
        ),
        FindingCode.EMPTY_FILE: _advice(
            _A, _P, "the file is empty in DEXIS 11 itself; look in older backups, or accept"
        ),
        FindingCode.SUSPECT_SIZE: _advice(_I, _P, "unusually small for a radiograph; open it in DEXIS 11 once"),
        FindingCode.UNKNOWN_CODE: _advice(_B, _S, "add this code to the source profile, prove it again"),
        FindingCode.CHART_MISSING: _advice(
            _A, _P, "Dentrix cannot link this patient; enter a chart number in DEXIS 11, or accept"
        ),
        FindingCode.CHART_DUPLICATE: _advice(
            _A, _P, "two patients share a chart number; decide which one Dentrix should open"
        ),
        FindingCode.CHART_TOO_LONG: _advice(
            _B, _P, "DEXIS 10 cannot hold this chart number; shorten it in Dentrix and DEXIS 11"
        ),
        FindingCode.TEXT_NOT_REPRESENTABLE: _advice(
            _B, _P, "DEXIS 10 cannot hold these letters; agree on a spelling with the practice"
        ),
        FindingCode.TEXT_TOO_LONG: _advice(_B, _P, "DEXIS 10 cannot hold a text this long; agree on a shorter one"),
        FindingCode.DATE_OUT_OF_RANGE: _advice(_B, _P, "DEXIS 10 cannot hold this date; correct it in DEXIS 11"),
        FindingCode.DATE_PRECISION_LOST: _advice(
            _A, _S, "DEXIS 10 keeps this time less precisely; accept, or change the profile"
        ),
        FindingCode.VALUE_UNFIT: _advice(
            _B, _S, "a column of the target would refuse or change this value; the detail says what to write instead"
        ),
        FindingCode.DUPLICATE_UID: _advice(
            _B, _S, "two images claim one identity; settle which is which before conversion"
        ),
        FindingCode.ORPHAN_FILE: _advice(_A, _P, "a file in the DEXIS 11 store belongs to no row; it is not converted"),
        FindingCode.ORPHAN_ROW: _advice(_A, _P, "a row in DEXIS 11 belongs to no patient; it is not converted"),
        FindingCode.LABEL_DISAGREES: _advice(
            _I, _P, "the pixels say photo or X-ray, the label says the other; the label is kept"
        ),
        FindingCode.MULTIFRAME: _advice(
            _A, _P, "several frames in one file have no home in DEXIS 10; declared, not converted"
        ),
        FindingCode.VOLUME: _advice(_A, _P, "3D volumes have no home in DEXIS 10; declared, not converted"),
        FindingCode.LOSSY_SOURCE: _advice(_I, _P, "DEXIS 11 itself holds this image with loss; it is carried as it is"),
        FindingCode.DISPLAY_RULE_LOST: _advice(
            _A,
            _P,
            "DEXIS 10 has no place for a window, look-up table, rescale or spacing of this image; pixels are kept",
        ),
        FindingCode.NO_DECODER: _advice(
            _B, _S, "no decoder here, or no form for it in DEXIS 10; the local report says which, and what to install"
        ),
        FindingCode.TOO_LARGE: _advice(_B, _S, "beyond the limits for one image; look at it before raising a limit"),
        FindingCode.PATH_TAKEN: _advice(
            _B, _T, "a file is already there in the new store; it is never overwritten; move it or choose another store"
        ),
        FindingCode.TARGET_NOT_EMPTY: _advice(
            _I, _S, "the target already holds records; they are left alone, and new keys begin above them"
        ),
        FindingCode.SCHEMA_DRIFT: _advice(
            _B, _S, "the database differs from the profile; run profile fingerprint and adapt the profile"
        ),
        FindingCode.VERSION_UNSUPPORTED: _advice(
            _B, _S, "this version is not among those the profile names; adapt the profile to it and prove it"
        ),
        FindingCode.LATE_ARRIVAL: _advice(
            _B, _S, "DEXIS 11 holds what the snapshot does not; stage a newer backup, then prove and dry-run again"
        ),
        FindingCode.DISK_SPACE: _advice(_B, _T, "free space on the target volume, then run again"),
        FindingCode.TRANSIENT_READ: _advice(
            _B, _T, "two reads of a file disagreed; check disk, network and controller, then run again"
        ),
        FindingCode.SET_ASIDE: _advice(
            _B, _S, "a patient kept failing and was rolled back whole; see the local findings, then convert again"
        ),
        FindingCode.TARGET_CHANGED: _advice(
            _B, _P, "a patient to be converted again was changed in DEXIS 10; undo that change there, then run again"
        ),
        FindingCode.SAMPLE_UNEXPLAINED: _advice(
            _B, _S, "a genuine sample does not fit the target profile; adapt the profile"
        ),
        FindingCode.PATIENT_MISSING: _advice(
            _B, _S, "a patient of DEXIS 11 is not in DEXIS 10; put back its newest state, then reconcile again"
        ),
        FindingCode.PATIENT_EXTRA: _advice(
            _B,
            _S,
            "a patient in DEXIS 10 has no counterpart in DEXIS 11; find out who entered it, then reconcile again",
        ),
        FindingCode.ROW_MISSING: _advice(
            _B, _S, "a row is missing in DEXIS 10; put back the newest state of its database, then reconcile again"
        ),
        FindingCode.ROW_EXTRA: _advice(
            _B, _S, "a row in DEXIS 10 has no counterpart in DEXIS 11; find out who made it, then reconcile again"
        ),
        FindingCode.FILE_MISSING: _advice(
            _B, _S, "a row in DEXIS 10 has no file; put the file back from the newest backup, then reconcile again"
        ),
        FindingCode.STRAY_FILE: _advice(
            _B, _T, "a file in the new store belongs to no row; see the local findings for its place"
        ),
        FindingCode.FIELD_DIFFERS: _advice(
            _B, _S, "a field differs; see the local findings: it was changed in DEXIS 10, or a profile is wrong"
        ),
        FindingCode.PIXELS_DIFFER: _advice(
            _B, _S, "pixels differ between DEXIS 11 and DEXIS 10; do not go on, keep both files and report them"
        ),
        FindingCode.VIEW_DIFFERS: _advice(
            _B, _S, "the image would be shown turned or mirrored; it was changed in DEXIS 10, or a profile is wrong"
        ),
        FindingCode.INTEGRITY_MISMATCH: _advice(
            _B, _S, "a stored integrity hash is not that of its image; check disk and database, then reconcile again"
        ),
        FindingCode.HEADER_DIFFERS: _advice(
            _B,
            _S,
            "an image file's own header disagrees with its record; one of them was changed, or a profile is wrong",
        ),
        FindingCode.LOOKUP_FAILED: _advice(
            _B, _S, "DEXIS 10 could not reach an image by way of chart, patient, study and series; put its rows back"
        ),
    }
)


class SkipReason(StrEnum):
    """Why something in the source is declared and not converted."""

    DELETED = "deleted"
    VOLUME = "volume"
    NOT_AN_IMAGE = "not-an-image"


class PhaseState(StrEnum):
    """Where a phase stands."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class Outcome(StrEnum):
    """What became of an order or a phase."""

    DONE = "done"  # it was carried out, and passed
    ANSWER_IS_NO = "answer-is-no"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DEADLINE = "deadline"  # stopped before the practice opens; a person resumes it when the practice is closed
    UNTIL_EVENING = "until-evening"  # the practice is open; it goes on by itself when the practice has closed


class Refusal(StrEnum):
    """Why a gate, an order or a decision was refused."""

    GATE_CLOSED = "gate-closed"
    EVIDENCE_MISSING = "evidence-missing"
    EVIDENCE_FAILED = "evidence-failed"
    EVIDENCE_NOT_NEWEST = "evidence-not-newest"
    CHECKS_INCOMPLETE = "checks-incomplete"
    APPROVALS_MISSING = "approvals-missing"
    DECISION_EXPIRED = "decision-expired"
    DECISION_FROM_FUTURE = "decision-from-future"
    DECISION_REPLAYED = "decision-replayed"
    DECISION_REJECTED = "decision-rejected"
    WRONG_PRACTICE = "wrong-practice"
    WRONG_RUN = "wrong-run"
    WRONG_GATE = "wrong-gate"
    WRONG_POLICY = "wrong-policy"
    SIGNATURE_INVALID = "signature-invalid"
    OPERATOR_UNKNOWN = "operator-unknown"
    OPERATOR_REVOKED = "operator-revoked"
    ROLE_INSUFFICIENT = "role-insufficient"
    OWN_EVIDENCE = "own-evidence"
    KEYSET_MISSING = "keyset-missing"
    KEYSET_OLDER = "keyset-older"
    LEDGER_DAMAGED = "ledger-damaged"
    JOB_HELD = "job-held"  # another process works on this job
    STATEMENT_MALFORMED = "statement-malformed"


class EnrollRefusal(StrEnum):
    """Why the hub refused an enrolment."""

    TOKEN_UNKNOWN = "token-unknown"  # noqa: S105 - a reason, not a secret
    TOKEN_USED = "token-used"  # noqa: S105
    TOKEN_EXPIRED = "token-expired"  # noqa: S105
    WRONG_PRACTICE = "wrong-practice"
    PROOF_INVALID = "proof-invalid"


class Rule(StrEnum):
    """Which rule of the protocol a frame, statement or session broke. Stays in local logs."""

    FRAME_TOO_LARGE = "frame-too-large"
    FRAME_NOT_PLAIN = "frame-not-plain"  # a byte that no message of the language contains
    FRAME_TOO_DEEP = "frame-too-deep"
    FRAME_MALFORMED = "frame-malformed"  # not JSON
    OUTSIDE_LANGUAGE = "outside-language"  # a message, field or value that does not exist
    NOT_CANONICAL = "not-canonical"  # the same message would be written in other bytes
    UNEXPECTED_MESSAGE = "unexpected-message"  # not allowed in this state of the session
    VERSION_UNSUPPORTED = "version-unsupported"  # the two sides share no protocol version
    SEQUENCE_GAP = "sequence-gap"  # an event is missing before this one
    WINDOW_EXCEEDED = "window-exceeded"  # more events than the hub has room for
    ACK_BEYOND = "ack-beyond"  # an acknowledgement of something that was never sent
    RESUME_BEHIND = "resume-behind"  # the hub lost events that it had acknowledged
    RESUME_AHEAD = "resume-ahead"  # the hub holds events that this agent never made
    HANDSHAKE_TIMEOUT = "handshake-timeout"


class Alarm(StrEnum):
    """Something a person should look at, said without saying what it was about."""

    EGRESS_REFUSED = "egress-refused"  # the boundary refused a frame of its own
    ENGINE_CRASHED = "engine-crashed"  # the engine process died and is being started again
    ENGINE_GAVE_UP = "engine-gave-up"  # it died too often; a person must look
    ORDER_REFUSED = "order-refused"
    LEDGER_DAMAGED = "ledger-damaged"
    CLOCK_SKEWED = "clock-skewed"
