"""Every closed list of words, with one line for each word.

These enums are the only words that can leave a practice. A word is never built from data: it is one of these,
or the message that carries it does not exist.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


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
