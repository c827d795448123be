"""A forecaster judged at rolling origins: what it answers there, how well, and what it has read."""
