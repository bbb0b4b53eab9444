"""Whether the reconciler can check everything that a target profile writes, asked before there is anything to check."""

from __future__ import annotations

from engine.profiles.schema import TargetProfile
from engine.reconcile.forms import TargetForm, kept_hashes
from engine.reconcile.header_check import require_checkable
from engine.reconcile.native_reader import layout_of
from engine.reconcile.questions import NAMES
from engine.reconcile.target_view import shape_of
from protocol.errors import UsageProblem

_HEXADECIMAL = frozenset({"integrity()", "hex(integrity())"})  # bytes and hex read alike


def require_reconcilable(profile: TargetProfile) -> None:
    """Returns if `reconcile` could begin with this profile. Raises UsageProblem that says what it could not check."""
    shape_of(profile)
    TargetForm(profile)
    _require_one_form(profile)
    require_checkable(layout_of(profile.native), NAMES)


def _require_one_form(profile: TargetProfile) -> None:
    """All columns that keep the hash are read in one form; another would never be compared. Raises UsageProblem."""
    kept = kept_hashes(profile)
    forms = {"integrity()" if text in _HEXADECIMAL else text for text in kept.values()}
    if len(forms) > 1:
        told = ", ".join(f"{place} = {text}" for place, text in kept.items())
        raise UsageProblem(
            f"the integrity hash is kept in columns of different forms, and reconcile reads one: {told}",
            where="target profile, [[insert]]",
            next_step="write the same expression for each, or leave all but one of the columns out",
        )
