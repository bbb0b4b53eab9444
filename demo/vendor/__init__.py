"""A miniature vendor: writes DEXIS 10 files and rows from the format's description, with none of the engine's code."""
