"""The language that agent, engine and console share: pure values, no I/O, no clock, no entropy."""
