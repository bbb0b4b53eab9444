"""The light process on the practice server: runs the engine, and is the one door out."""
