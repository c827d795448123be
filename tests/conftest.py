"""What all tests run under. Set in the environment, so that it costs no import and holds in
subprocesses too.
"""

from __future__ import annotations

import os

from hypothesis import settings

# Broadcasting [n] against [n, 1] to [n, n] is the classic silent bug of a loss: ranks must agree.
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")
# Without it Keras looks for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")

# A first example may compile for seconds: no deadline.
settings.register_profile("denseq", deadline=None, max_examples=50)
settings.load_profile("denseq")
