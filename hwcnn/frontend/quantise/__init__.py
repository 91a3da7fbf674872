"""Float ONNX to QDQ ONNX with int8 activations and weights."""
