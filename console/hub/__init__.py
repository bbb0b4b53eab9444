"""The hub: one websocket port over TLS 1.3 with certificates from its own CA, and a durable store behind it."""
