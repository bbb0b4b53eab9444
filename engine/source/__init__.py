"""Reads the source and never writes it: staging database, image store, backup."""
