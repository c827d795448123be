"""report.html: what a run came to, in one page; `report.py` has the order of its sections."""
