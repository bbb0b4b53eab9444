"""What a profile says, key by key, in words: the same for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterator

from engine.cli.native_text import described_hash, described_native
from engine.profiles.limits import TextLimit, TimeLimit
from engine.profiles.schema import SourceProfile, TargetProfile
from engine.profiles.target_paths import longest_path

_UNITS = {"characters": "characters", "utf-16": "UTF-16 units", "bytes": "bytes"}


def described(profile: SourceProfile | TargetProfile) -> dict[str, str]:
    """Every statement of the profile by a short name."""
    head, database = profile.profile, profile.database
    columns = sum(map(len, database.relies_on.values()))
    kinds = sum(map(len, database.kinds.values()))
    return {
        "profile": head.id,
        "role": head.role,
        "system": f"{head.system} {', '.join(head.versions)}",
        "basis": head.basis,
        "digest": profile.digest,
        "dialects": ", ".join(database.dialects),
        "relies on": f"{len(database.relies_on)} tables, {columns} columns, {kinds} of them of a stated kind",
        "teeth": f"{profile.teeth.notation}, separator {profile.teeth.separator!r}, prefix {profile.teeth.prefix!r}",
        "orientation": f"{profile.orientation.unit}, {profile.orientation.mirror} mirror, {profile.orientation.order}",
        **dict(_source(profile) if isinstance(profile, SourceProfile) else _target(profile)),
    }


def _source(profile: SourceProfile) -> Iterator[tuple[str, str]]:
    excluded = [f"{what} {reason}" for what, reasons in profile.audit.excluded.items() for reason in reasons]
    for column, forms in profile.values.dates.items():
        yield f"form of {column}", " or ".join(forms)
    yield "time zone", profile.values.time_zone or "none stated; a time with a zone is a finding"
    for name, codes in profile.codes.items():
        yield f"codes of {name}", ", ".join(f"{code} = {word}" for code, word in codes.items())
    yield "files", f"{profile.files.resolve} ({', '.join(profile.files.formats)})"
    yield "declared exclusions", ", ".join(excluded) or "none"


def _target(profile: TargetProfile) -> Iterator[tuple[str, str]]:
    yield "rows", ", ".join(f"{rule.table} per {rule.entity}" for rule in profile.insert)
    for entity, key in profile.keys.items():
        yield f"key of {entity}", f"{key.table}.{key.column}, {key.allocation}"
    for rule in profile.insert:
        for column, expression in rule.columns.items():
            yield f"{rule.table}.{column}", expression.text
    for column, text in profile.text.items():
        yield f"{column} holds", _text(text)
    for column, time in profile.time.items():
        yield f"{column} keeps", _time(time)
    for name, codes in profile.codes.items():
        yield f"codes of {name}", ", ".join(f"{word} = {code}" for word, code in codes.items())
    for file in profile.files:
        yield f"{file.when} becomes", f"{file.type} at {file.path} ({described_hash(file.integrity)})"
    yield "longest path", f"{max(longest_path(file.path) for file in profile.files)} characters below the store"
    yield from described_native(profile.native)


def _text(limit: TextLimit) -> str:
    said = f"{limit.length} {_UNITS[limit.unit]} of {limit.encoding}"
    ends = "; no spaces at the end" if limit.trailing_spaces == "lost" else ""
    return said + ends + ("; an empty text as NULL" if limit.empty == "null" else "")


def _time(limit: TimeLimit) -> str:
    kept = {"datetime": "1/300 seconds, rounded", "smalldatetime": "minutes, rounded"}
    return f"{kept.get(limit.precision, f'{limit.precision}s, cut')}; {limit.earliest} to {limit.latest}"
