"""Hypothesis profiles: short for every run, `--hypothesis-profile=long` by hand. No example is timed.

Fixtures for all tests: a real PostgreSQL (`postgresql_url`, `new_database`), Microsoft's driver (`talking`),
workers that are processes also where there is one (`real_workers`).
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("short", deadline=None)
settings.register_profile("long", deadline=None, max_examples=5000)
settings.load_profile("short")

pytest_plugins = (
    "tests.simulators.postgresql",
    "tests.simulators.sqlserver.talking",
    "tests.simulators.sqlserver.standin",
    "tests.simulators.databases",
    "tests.within",
)
