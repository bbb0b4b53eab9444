"""Settings files that people write, read strictly: every mistake is answered with file, line and what is allowed."""
