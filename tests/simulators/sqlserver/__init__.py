"""What the tests have of SQL Server: Microsoft's real driver, a server that only talks, and a stand-in that stores.

Neither is SQL Server. `talking` says whatever a test wants said. The stand-in (`standin`) is our model of the server,
written from public documents: it speaks the wire protocol, understands the T-SQL that the product sends, and keeps its
rows in PostgreSQL. A real server is met where BITEWING_TEST_MSSQL names one.
"""
