"""MS-TDS 7.4 as bytes: packets, the handshake, logins, requests in and tokens out. Knows no SQL and stores nothing.

Source of every number: [MS-TDS] "Tabular Data Stream Protocol", and [MC-SMP] "Session Multiplex Protocol".
"""
