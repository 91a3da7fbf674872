"""Layers of the integer IR to tile operations."""
