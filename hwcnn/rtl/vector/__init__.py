"""Pooling, element-wise operations, LRN and tables."""
