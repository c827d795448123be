"""Faults on purpose: runs are killed, stopped, starved of disk, and folders spoilt, at random.

    python -m tests.chaos --n=10 [--seed=0] [--kinds=kill,flip,...] [--minutes=60]

Each trial ends in the bits of a run that nobody disturbed, or in exit code 2, 3 or 4 with a line,
and touches nothing outside of its folder; whatever else is a finding, printed with the seed that
makes it again. The quick form is a test of the slow suite.
"""
