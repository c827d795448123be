"""Devices and processes: how they are found, and what is placed where."""

from train.parallel.runtime import configure, divide, session, skip_gc_and_pandas

__all__ = ["configure", "divide", "session", "skip_gc_and_pandas"]
