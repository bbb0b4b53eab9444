"""Stand-ins for the other side: a hub, an engine, a bad line."""
