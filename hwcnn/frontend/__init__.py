"""ONNX in, integers out: load.py reads a model, quantise.py makes it QDQ, importer.py turns QDQ
into the integer IR.
"""
