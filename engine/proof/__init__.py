"""Holding both profiles against this practice's own data: genuine target samples, and the source as it is."""
