"""The commands of bitewing-console, one verb a file."""
