"""The compiled program of training: pure functions of arrays. No files, no prints, no host loop."""
