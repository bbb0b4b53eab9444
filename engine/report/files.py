"""Writes the certificate: a page that needs nothing but itself, and JSON for other tools."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from engine.report.certificate import NOT_PROVEN, PROVEN, Certificate
from protocol.advice import ADVICE


def write(folder: Path, certificate: Certificate) -> tuple[Path, Path]:
    """Writes certificate.html and certificate.json into `folder`; both complete or as they were before."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "certificate.html", folder / "certificate.json"
    _replace(page, _page(certificate))
    _replace(data, json.dumps(_document(certificate), indent=2))
    return page, data


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _document(certificate: Certificate) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(certificate)
    facts["envelopes"] = [json.loads(envelope) for envelope in certificate.envelopes]
    return {"headline": certificate.headline, **facts, "proven": list(PROVEN), "not_proven": list(NOT_PROVEN)}


def _page(certificate: Certificate) -> str:
    environment = Environment(loader=PackageLoader("engine.report"), autoescape=select_autoescape(), trim_blocks=True)
    environment.filters["when"] = _when
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["breakable"] = _breakable
    template = environment.get_template("certificate.html.j2")
    return template.render(c=certificate, proven=PROVEN, not_proven=NOT_PROVEN, advice=ADVICE)


def _when(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds else "–"


def _breakable(word: str) -> Markup:
    """A code that a narrow page may break behind its underscores."""
    return escape(word).replace("_", Markup("_<wbr>"))
