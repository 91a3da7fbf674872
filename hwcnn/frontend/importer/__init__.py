"""QDQ ONNX to the integer IR."""
