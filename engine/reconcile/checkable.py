"""Whether the reconciler can check everything that a target profile writes, asked before there is anything to check."""

from __future__ import annotations

from engine.profiles.schema import TargetProfile
from engine.reconcile.forms import TargetForm
from engine.reconcile.header_check import require_checkable
from engine.reconcile.native_reader import layout_of
from engine.reconcile.questions import NAMES
from engine.reconcile.target_view import shape_of


def require_reconcilable(profile: TargetProfile) -> None:
    """Returns if `reconcile` could begin with this profile. Raises UsageProblem that says what it could not check."""
    shape_of(profile)
    TargetForm(profile)
    require_checkable(layout_of(profile.native), NAMES)
