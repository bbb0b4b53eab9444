"""Where the stand-in keeps things: each of its databases is one of a real PostgreSQL's."""
