"""Light, dark and high contrast. Colours only help: every state is also a word."""

from __future__ import annotations

from textual.theme import Theme

THEMES = (
    Theme(
        name="bitewing-dark",
        primary="#5fa8d3",
        secondary="#8fb8de",
        warning="#e0b050",
        error="#e07a6a",
        success="#7fc47f",
        accent="#c9a7eb",
        foreground="#dfe3e8",
        background="#14181d",
        surface="#1b2027",
        panel="#262d36",
        dark=True,
        variables={"muted": "#98a2ae"},
    ),
    Theme(
        name="bitewing-light",
        primary="#1d5f8a",
        secondary="#3b7ba8",
        warning="#8a5a00",
        error="#a32a1c",
        success="#1f6b2e",
        accent="#6a3d9a",
        foreground="#1a1f24",
        background="#fbfbf9",
        surface="#f1f1ee",
        panel="#dfe2e6",
        dark=False,
        variables={"muted": "#5a636d"},
    ),
    Theme(
        name="bitewing-contrast",
        primary="#ffffff",
        secondary="#ffff00",
        warning="#ffff00",
        error="#ff6060",
        success="#00ff00",
        accent="#00ffff",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#303030",
        dark=True,
        variables={"muted": "#ffffff", "text-warning": "#ffff00", "text-error": "#ff8080"},
    ),
)

DEFAULTS = {"muted": "#98a2ae"}
"""Variables of our style sheet that a theme of Textual's own does not have."""
