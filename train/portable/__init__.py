"""A trained net as files that other programs read: ONNX, StableHLO, safetensors, a model card."""

from pathlib import Path


def predict_onnx_text() -> str:
    """The script that answers with an exported graph, by onnxruntime and numpy alone."""
    return Path(__file__).with_name("predict_onnx.py").read_text(encoding="utf-8")
