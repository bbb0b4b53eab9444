"""bitewing-engine: one verb a file; `outcome` alone writes to stderr and decides exit codes."""
