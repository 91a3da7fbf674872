"""hwcnn: convolutional networks in ONNX to bit-exact FPGA accelerators."""

__version__ = "0.1.0"
