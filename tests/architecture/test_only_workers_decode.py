"""A damaged or hostile file may crash a decoder, and with it its process: the engine's own never loads one."""

from __future__ import annotations

import subprocess
import sys

import pytest

_DECODERS = ("engine.imaging.decode", "pydicom", "imagecodecs", "gdcm")
_PROOF = f"""
import importlib, sys
importlib.import_module(sys.argv[1])
print(*(name for name in {_DECODERS!r} if name in sys.modules))
"""


def _decoders_of(module: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _PROOF, module], check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.parametrize("phase", ["prove", "dry_run", "convert", "settle", "reconcile"])
def test_the_process_that_runs_a_phase_loads_no_decoder(phase: str) -> None:
    assert _decoders_of(f"engine.phases.{phase}") == []


@pytest.mark.parametrize("workshop", ["engine.target.workshop", "engine.proof.looker", "engine.proof.samples"])
def test_what_is_loaded_in_a_worker_does(workshop: str) -> None:
    assert "engine.imaging.decode" in _decoders_of(workshop)
