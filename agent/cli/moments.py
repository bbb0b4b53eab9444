"""Moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_text(seconds: int) -> str:
    """UTC seconds as YYYY-MM-DD HH:MM:SS UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
