"""Convolution: operands from DRAM to the systolic array, and its partial sums."""
