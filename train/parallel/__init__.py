"""Devices and processes: how they are found, and what is placed where."""

from train.parallel.runtime import configure, divide, lighten, session

__all__ = ["configure", "divide", "lighten", "session"]
