"""The conversion engine: everything that touches patient data, on the practice's own server."""
