"""The LSTM's own kernel for NVIDIA GPUs: a CUDA text, its plan, its compiler, its launch."""
