"""Writing DEXIS 10: one patient at a time, all or nothing."""
