"""The terminal console: what needs me, is it going well, can I trust it, what happens if I do nothing."""
