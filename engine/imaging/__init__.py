"""Pictures: from file bytes to pixels and from pixels to the target's own file, without losing a bit."""
