"""T-SQL as the stand-in understands it: read by sqlglot's grammar, turned into PostgreSQL's, or carried out here."""
