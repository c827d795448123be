"""Devices and processes: how they are found, and what is placed where."""

from train.parallel.runtime import configure, lighten, session

__all__ = ["configure", "lighten", "session"]
