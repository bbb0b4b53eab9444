"""Widgets: they show lines and rows, and know nothing of hubs."""
