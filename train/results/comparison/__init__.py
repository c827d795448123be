"""Runs side by side: their scores, what differs between them, and whether a difference is one."""
