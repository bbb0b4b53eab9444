"""The engine's version, as evidence states it."""

from importlib.metadata import version

ENGINE_VERSION = version("bitewing")
