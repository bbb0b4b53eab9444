"""Which checks the evidence for each gate must hold."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protocol.vocabulary import Check, Gate

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
