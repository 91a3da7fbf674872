"""An ONNX model from a file to a clean float or quantised graph with every shape known."""
