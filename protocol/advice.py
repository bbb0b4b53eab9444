"""What each finding means for the gate, who can act, and what to do. None of these texts can leave a practice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from protocol.vocabulary import FindingCode, Owner, Severity


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
