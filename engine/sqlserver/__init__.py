"""SQL Server through Microsoft's ODBC driver: how it is found, addressed, prepared, and how it says no.

Knows neither source nor target nor patients, so that converter and reconciler connect alike.
"""
